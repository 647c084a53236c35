// Links in Snakemake's report: #NAME.html in its address shows that page, and a page in a frame may
// ask for another. This is the handler of an image, since no script is run of what a report opens on.
if (!window.needq) {
  window.needq = true;
  const pages = {};
  for (const [path, result] of Object.entries(results)) {
    if (result.mime_type === "text/html") pages[path.split("/").pop()] = path;
  }
  // a narrow screen has no room for the menu beside a page; a button brings it back
  const hideNavbar = window.innerWidth < 640;
  const open = () => {
    const [page, place] = decodeURIComponent(location.hash.slice(1)).split("#");
    if (!pages[page]) return;
    const contentPath = results[pages[page]].data_uri + (place ? `#${place}` : "");
    app.setView({ content: "html", contentPath, resultPath: pages[page], hideNavbar });
  };
  // Snakemake's own links empty what is after #, so the way back is known by its state
  if (!location.hash) history.replaceState("needq", "");
  window.addEventListener("popstate", ({ state }) => {
    if (state === "needq") app.setView({ content: app.content, hideNavbar });
    else open();
  });
  window.addEventListener("message", ({ data, source }) => {
    if (!data || data.needq === undefined) return;
    if (data.needq) location.hash = data.needq;
    else source.postMessage({ needq: Object.keys(pages) }, "*");
  });
  if (hideNavbar) app.setView({ hideNavbar });
  open();
}
