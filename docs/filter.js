// A search field above long tables. It keeps the rows that have most of the words typed, so that a whole message can be pasted, whatever names
// and numbers are in it. Without this file the page is just long.
for (const place of document.querySelectorAll(".filter")) {
  const words = text => text.toLowerCase().split(/[^\p{L}\p{N}_]+/u).filter(Boolean)
  const rows = [...document.querySelectorAll(".filter ~ * tbody tr, .filter ~ table tbody tr")]
  const wordsOf = new Map(rows.map(row => [row, words(row.textContent)]))
  const field = Object.assign(document.createElement("input"), {type: "search", placeholder: place.dataset.label})
  field.setAttribute("aria-label", place.dataset.label)
  const count = document.createElement("p")
  count.setAttribute("role", "status")
  place.append(field, count)

  const hits = (row, typed) => typed.filter(word => wordsOf.get(row).some(each => each.startsWith(word))).length

  const filter = () => {
    const typed = [...new Set(words(field.value))]
    const found = new Map(rows.map(row => [row, hits(row, typed)]))
    const most = Math.max(...found.values())
    for (const row of rows) row.hidden = typed.length > 0 && (most === 0 || found.get(row) < most)
    const shown = rows.filter(row => !row.hidden).length
    count.textContent = typed.length ? `${shown} of ${rows.length} rows` : ""
    for (const heading of document.querySelectorAll(".filter ~ h2")) hideSection(heading, typed.length > 0)
  }

  const hideSection = (heading, filtered) => {
    const parts = [heading]
    for (let next = heading.nextElementSibling; next && next.tagName !== "H2"; next = next.nextElementSibling) parts.push(next)
    const empty = !parts.some(part => part.querySelector("tbody tr:not([hidden])"))
    for (const part of parts) part.hidden = filtered && empty
  }

  field.addEventListener("input", filter)
}
