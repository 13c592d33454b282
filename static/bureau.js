/* Pages of the bureau: a chosen card is marked, ticked rows are counted. Nothing here is needed to save. */
(function () {
  "use strict";

  // Radio cards: .on follows the choice.
  document.addEventListener("change", function (event) {
    var input = event.target;
    if (input.type !== "radio" || !input.closest(".choice")) return;
    input.closest(".choices").querySelectorAll(".choice").forEach(function (card) {
      card.classList.toggle("on", card.querySelector("input").checked);
    });
  });

  // [data-pick]: how many boxes are ticked, and a button that ticks all.
  function count(pick) {
    var boxes = Array.from(pick.querySelectorAll("input[type=checkbox]:not(:disabled)"));
    var ticked = boxes.filter(function (box) { return box.checked; }).length;
    var words = pick.querySelector("[data-pick-count]");
    if (words) words.textContent = words.textContent.replace(/\d+/, String(ticked));
    return boxes;
  }
  document.querySelectorAll("[data-pick]").forEach(function (pick) {
    var all = pick.querySelector("[data-pick-all]");
    pick.addEventListener("change", function () { count(pick); });
    if (!all) return;
    all.hidden = false;
    all.addEventListener("click", function () {
      var boxes = count(pick);
      var missing = boxes.some(function (box) { return !box.checked; });
      boxes.forEach(function (box) { box.checked = missing; });
      count(pick);
    });
  });
})();

// [data-go]: a filter that takes effect when it is chosen.
document.addEventListener("change", function (event) {
  if (event.target.matches("select[data-go]") && event.target.form) event.target.form.submit();
});
