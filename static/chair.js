/* The case view: J and K go to the next and the last case, as the links do. They rest while one types. */
(function () {
  "use strict";
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    var link = document.querySelector('[data-case="' + event.key.toLowerCase() + '"]');
    if (link) link.click();
  });
})();
