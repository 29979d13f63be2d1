// Optional: every expression of the dashboards parses with the grammar of Prometheus' own editor, and what is left for
// tsc (npm test) is whether the JSON fits Grafana's types.
//   cd tests/dashboards/npm && npm install && npm test
import { parser } from "@prometheus-io/lezer-promql";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const folder = new URL("../../../dashboards/", import.meta.url);
const typed = new URL("typed/", import.meta.url);
mkdirSync(typed, { recursive: true });

function parses(expr) {
  const text = expr.replaceAll(/\$__\w+/g, "1m").replaceAll(/\$\w+/g, "x");
  let ok = true;
  parser.parse(text).iterate({ enter: (node) => { if (node.type.isError) ok = false; } });
  return ok;
}

if (parses("sum(") || !parses("sum(rate(a[$__rate_interval]))")) throw new Error("the parser takes anything, or nothing");
let wrong = 0, asked = 0;
for (const name of ["live", "history", "ab"]) {
  const dashboard = JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8"));
  const exprs = [...dashboard.panels.flatMap((panel) => panel.targets ?? []), ...dashboard.annotations.list].map((each) => each.expr);
  for (const expr of exprs) {
    ++asked;
    if (parses(expr)) continue;
    ++wrong;
    console.error(`${name}: ${expr}`);
  }
  // A data source's own fields of an annotation are in no type.
  for (const annotation of dashboard.annotations.list)
    for (const field of ["expr", "step", "titleFormat", "textFormat", "tagKeys"]) delete annotation[field];
  writeFileSync(new URL(`${name}.ts`, typed),
    `import type { Dashboard } from "@grafana/schema";\nexport const dashboard: Dashboard = ${JSON.stringify(dashboard, null, 1)};\n`);
}
console.log(`${asked} expressions, ${wrong} do not parse`);
process.exit(wrong > 0 ? 1 : 0);
