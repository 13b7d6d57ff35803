// A click on a heading sorts its table; without this script the table is sorted by the objective.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const key = (row, place) => {
    const cell = row.cells[place];
    if (!cell) return null;
    if (!("v" in cell.dataset)) return cell.textContent.trim().toLowerCase() || null;
    const value = Number(cell.dataset.v);
    return Number.isNaN(value) ? null : value;
  };
  heads.forEach((head, place) => {
    if (!head.hasAttribute("data-sort")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const first = head.dataset.sort;
      const other = first === "ascending" ? "descending" : "ascending";
      const order = before === first ? other : first;
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      // A row without a value stays last in either order.
      const rows = [...body.rows].map((row) => [key(row, place), row]);
      rows.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        return a < b ? -sign : a > b ? sign : 0;
      });
      body.append(...rows.map(([, row]) => row));
    });
  });
}
