"use strict";
// Inside Snakemake's report a page is in a frame, where its links to other pages lead nowhere. They
// are words until the report says which pages it shows (front.js), and then ask it to.
if (location.protocol === "data:" || /\/data\/raw\/[0-9a-f]{16}\//.test(location.pathname)) {
  const links = [...document.querySelectorAll("a[href]:not([href^='#'])")].map((link) => [
    link,
    link.getAttribute("href"),
  ]);
  for (const [link] of links) link.removeAttribute("href");
  document.documentElement.classList.add("embedded");
  addEventListener("message", ({ data, source }) => {
    if (source !== parent || !data || !data.needq) return;
    document.documentElement.classList.remove("embedded");
    for (const [link, address] of links) {
      const needq = address.replace(/^[^#]*\//, "");
      if (!data.needq.includes(needq.split("#")[0])) continue;
      link.setAttribute("href", address);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        parent.postMessage({ needq }, "*");
      });
    }
  });
  parent.postMessage({ needq: "" }, "*");
  // room for the button that brings the report's menu back
  if (innerWidth < 640) document.body.style.paddingTop = "2.6rem";
}
