"use strict";
// Inside Snakemake's report a page has no address, so links to other files become their names.
if (location.protocol === "data:") {
  document.documentElement.classList.add("embedded");
  for (const link of document.querySelectorAll("a[href]:not([href^='#'])")) {
    link.replaceWith(...link.childNodes);
  }
}

