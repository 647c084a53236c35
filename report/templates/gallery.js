// Search: texts and rows without a match are hidden, groups with one are opened.
const form = document.querySelector(".tools");
const field = (name) => form.elements[name].value;
const texts = [...document.querySelectorAll(".text-card")].map((card) => ({
  card,
  words: card.querySelector("blockquote").textContent.toLowerCase(),
  backends: card.dataset.backends.split(" "),
  labels: card.dataset.labels.split("|"),
}));

function search() {
  const words = field("words").toLowerCase();
  const [label, backend] = [field("label"), field("backend")];
  const all = !words && !label && !backend;
  let count = 0;
  for (const text of texts) {
    const found =
      text.words.includes(words) &&
      (!label || text.labels.includes(label)) &&
      (!backend || text.backends.includes(backend));
    text.card.hidden = !found;
    count += found;
  }
  for (const part of document.querySelectorAll(".others, .blocks, .prompt")) {
    part.hidden = !part.querySelector(".text-card:not([hidden])");
    if (part.matches(".others")) part.open = !all && !part.hidden;
  }
  form.elements.count.value = all ? `${texts.length} texts` : `${count} of ${texts.length} texts`;
}

form.hidden = false;
form.addEventListener("input", search);
form.addEventListener("submit", (event) => event.preventDefault());
search();
