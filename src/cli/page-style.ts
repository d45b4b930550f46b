// The look of a report's page, light and dark, on a screen and on paper. Colors of formats keep a
// contrast of 4.5 to their background.

export const pageStyle = `:root {
  color-scheme: light dark;
  --ink: #1c1f24; --faint: #5b626d; --paper: #fff; --edge: #d9dce1;
  --fp16: #0a66b0; --q8: #0b735a; --q4: #a84e06; --q4f16: #7d36d9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e8eb; --faint: #a3abb6; --paper: #15171a; --edge: #363b43;
    --fp16: #6cb6ff; --q8: #4cc9a0; --q4: #ffa657; --q4f16: #c8a2ff;
  }
}
body {
  max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 3rem;
  font: 100%/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
}
h1 { margin: 0; font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 0.5rem; font-size: 1.15rem; }
h1 ~ p, section p, footer { margin: 0.25rem 0; color: var(--faint); font-size: 0.9rem; }
footer { margin-top: 2rem; }
figure { margin: 0; }
svg { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.95rem; }
caption { text-align: left; color: var(--faint); font-size: 0.9rem; padding-bottom: 0.25rem; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead { border-bottom: 1px solid var(--faint); }
tbody tr { border-bottom: 1px solid var(--edge); }
text { font: 13px system-ui, sans-serif; fill: var(--ink); }
text.tick, text.label { fill: var(--faint); }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
.grid { stroke: var(--edge); }
.axis { stroke: var(--faint); }
.base { stroke: var(--faint); stroke-dasharray: 4 4; }
.fp16 { --own: var(--fp16); }
.q8 { --own: var(--q8); }
.q4 { --own: var(--q4); }
.q4f16 { --own: var(--q4f16); }
.point { fill: var(--own); stroke: var(--paper); stroke-width: 1.5; }
.series polyline { fill: none; stroke: var(--own); stroke-width: 2; }
.series.q4f16 polyline { stroke-dasharray: 6 3; }
.leader { stroke: var(--own); stroke-width: 1; }
.name text { fill: var(--own); font-weight: 600; }
@media print { .scroll { overflow: visible; } }
`;
