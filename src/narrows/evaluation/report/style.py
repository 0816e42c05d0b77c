"""The style sheet of a report: light and dark, from a phone's width up."""

STYLE = """
:root { color-scheme: light dark; --page: #f4f6f8; --card: #ffffff; --ink: #1c222b;
  --soft: #5a6370; --line: #e1e5ea; --accent: #2672c2; --good: #17805f; --bad: #b8433a; }
@media (prefers-color-scheme: dark) {
  :root { --page: #101318; --card: #191e25; --ink: #e4e8ee; --soft: #a3adba; --line: #2c333d;
    --accent: #6aabf0; --good: #45c29a; --bad: #ef8378; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main, header, footer { max-width: 1080px; margin: 0 auto; padding: 0 16px; }
header { padding-top: 32px; }
h1 { font-size: 1.9rem; line-height: 1.15; margin: 0 0 4px; letter-spacing: -.02em; }
h2 { font-size: 1.25rem; margin: 40px 0 12px; letter-spacing: -.01em; }
h3 { font-size: 1rem; margin: 0 0 2px; }
p { margin: 0 0 10px; }
.soft, figcaption, footer { color: var(--soft); font-size: .9rem; }
.name { overflow-wrap: anywhere; }
.card, .tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 14px 16px; margin: 0; min-width: 0; }
.cards, .tiles { display: grid; gap: 14px; }
.cards { grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.column { display: flex; flex-direction: column; gap: 14px; min-width: 0; }
.column > :last-child { flex: 1; } .card + .cards { margin-top: 14px; }
.tiles { margin: 22px 0 0; padding: 0;
  grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); }
.tiles dt { color: var(--soft); font-size: .82rem; }
.tiles dd { margin: 0; font-size: 1.45rem; font-weight: 650; letter-spacing: -.02em;
  line-height: 1.25; white-space: nowrap; }
.tiles small { display: block; color: var(--soft); font-size: .8rem; font-weight: 400;
  letter-spacing: 0; white-space: normal; }
figure img { display: block; width: 100%; max-width: 560px; height: auto; margin: 10px auto 0; }
ul.verdict { list-style: none; margin: 0; padding: 0; }
ul.verdict li { background: var(--card); border: 1px solid var(--line);
  border-left: 5px solid var(--soft); border-radius: 6px; padding: 9px 14px; margin: 0 0 8px; }
ul.verdict .good { border-left-color: var(--good); }
ul.verdict .bad { border-left-color: var(--bad); }
ul.verdict b { font-weight: 650; margin-right: 4px; }
ul.verdict .good b { color: var(--good); }
ul.verdict .bad b { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem;
  font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 8px; border-bottom: 1px solid var(--line);
  vertical-align: top; }
tbody tr:last-child > * { border-bottom: 0; }
th { font-weight: 600; }
thead th { color: var(--soft); font-size: .82rem; vertical-align: bottom; }
.figures td, .figures thead th + th { text-align: right; }
.figures td { white-space: nowrap; }
.figures tbody th { font-weight: 400; }
.figures .ours > * { font-weight: 650; color: var(--accent); }
.facts th { width: 40%; color: var(--soft); font-weight: 400; }
.facts td { overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px;
  overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 12px;
  font: .85rem/1.5 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; }
code { white-space: nowrap; font: inherit; font-family: ui-monospace, Menlo, Consolas, monospace;
  font-size: .92em; }
pre code { font: inherit; }
.notes { padding-left: 18px; margin: 6px 0 0; }
footer { padding: 28px 16px 40px; }
@media (max-width: 480px) { .card { padding: 12px 10px; } th, td { padding: 5px 4px; }
  table { font-size: .84rem; } h1 { font-size: 1.6rem; } .tiles { gap: 10px; }
  .tiles dd { font-size: 1.25rem; }
  .tiles > :last-child:nth-child(odd) { grid-column: span 2; } }
@media (max-width: 360px) { .figures { font-size: .78rem; } .figures thead th { font-size: .72rem; }
  .figures th, .figures td { padding: 5px 3px; } }
@media print { body { background: #fff; } .card, li { break-inside: avoid; } }
"""
