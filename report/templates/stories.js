
// The slider: another number of blocks, prompt or noise seed shows another story.
const all = JSON.parse(document.getElementById("stories").textContent);
const part = document.querySelector(".stories");
const controls = part.querySelector(".controls");
const chosen = (name) => Number(controls.elements[name] ? controls.elements[name].value : all.noise_seeds[0]);
const find = (name) => part.querySelector(`.${name}`);

function span(name, word) {
  const made = document.createElement(name === "mark" ? "mark" : "span");
  if (name !== "mark") made.className = name;
  made.textContent = word;
  return made;
}

function marked(words, place) {
  return words.map((word, index) => {
    if (place === null || index < place) return word;
    return span(index === place ? "mark" : "after", word);
  });
}

function show() {
  const [step, prompt, seed] = [chosen("step"), chosen("prompt"), chosen("seed")];
  const story = all.stories.find(
    (one) =>
      one.step === step &&
      one.prompt === prompt &&
      (one.noise_seed === seed || one.noise_seed === null),
  );
  const name = all.steps[step].name;
  controls.elements["step-name"].value = name;
  controls.elements.step.setAttribute("aria-valuetext", name);
  if (!story) return;
  [...find("strip").children].forEach((block, index) => {
    block.className = story.replaced.includes(index) ? "noise" : "";
  });
  find("chip").textContent = find("chip").dataset.label = story.label;
  find("choices").textContent = all.steps[step].choices.toFixed(0);
  find("written").replaceChildren(
    ...story.words.map((word, index) => span(`s${story.surprise[index]}`, word)),
  );
  for (const start of part.querySelectorAll(".prompt")) start.textContent = all.prompts[prompt];
  if (all.backends.length < 2) return;
  find("left").replaceChildren(...marked(story.words, story.place));
  find("right").replaceChildren(...marked(story.other, story.place));
  find("agree").textContent =
    story.place === null
      ? "Here, both texts are the same."
      : `Here, they agree for ${story.place} ${story.place === 1 ? "token" : "tokens"}.`;
}

controls.hidden = false;
find("still").hidden = true;
controls.addEventListener("input", show);
controls.addEventListener("submit", (event) => event.preventDefault());
show();
