// The cohort page's table: sort by a column, hide what needs no look. Cells carry unrounded values in data-sort.
"use strict";
(() => {
  const table = document.getElementById("cases");
  const body = table.tBodies[0];

  function compare(column, isNumber, sign) {
    return (a, b) => {
      const [left, right] = [a, b].map((row) => row.cells[column].dataset.sort);
      if (left === "" || right === "") return (left === "") - (right === ""); // undefined stays last either way
      return sign * (isNumber ? Number(left) - Number(right) : left.localeCompare(right, undefined, { numeric: true }));
    };
  }

  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const head = button.closest("th");
    const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    table.tHead.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", direction);
    const order = compare(Number(button.dataset.column), "number" in button.dataset, direction === "ascending" ? 1 : -1);
    body.append(...[...body.rows].sort(order));
  });

  document.getElementById("only").addEventListener("change", (event) => {
    table.classList.toggle("only-flagged", event.target.checked);
  });
})();
