"""What a page shows, read by the standard library."""

from html.parser import HTMLParser


class Reader(HTMLParser):
    """The tags, attributes and text of a page; text within <style> apart."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.values, self.text, self.style = [], [], "", ""
        self.inside = None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        self.tags.append(tag)
        self.values += attributes

    def handle_data(self, data):
        if self.inside == "style":
            self.style += data
        else:
            self.text += data

    def handle_endtag(self, tag):
        self.inside = None
