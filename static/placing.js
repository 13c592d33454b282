/* The list of files that stand nowhere yet (材料库): what was chosen by hand stays when the list is fetched anew
   because another file has arrived. Nothing here is needed to place files. */
(function () {
  "use strict";

  var chosen = {}; // id of a select -> what was chosen by hand
  var focused = "";

  document.addEventListener("change", function (event) {
    if (event.target.matches("#placing select")) chosen[event.target.id] = event.target.value;
  });

  document.addEventListener("htmx:beforeSwap", function (event) {
    var at = document.activeElement;
    focused = event.detail.target.id === "library" && at && at.matches("#placing select") ? at.id : "";
  });

  document.addEventListener("htmx:load", function (event) {
    if (event.detail.elt.id !== "library") return;
    Object.keys(chosen).forEach(function (id) {
      var select = document.getElementById(id);
      if (!select) {
        delete chosen[id]; // it has its place
        return;
      }
      select.value = chosen[id];
      if (select.selectedIndex < 0) select.value = ""; // a place that is there no longer
    });
    var again = focused && document.getElementById(focused);
    if (again) again.focus({ preventScroll: true });
    focused = "";
  });
})();
