// Reads [{language, query}] as JSON on stdin and writes those that the language's grammar does not know.
import { readFileSync } from "node:fs";
import { parser as logql } from "@grafana/lezer-logql";
import { parser as traceql } from "@grafana/lezer-traceql";

const parsers = { logql, traceql };

function isKnown({ language, query }) {
  let known = true;
  parsers[language].parse(query).iterate({ enter: (node) => { known &&= !node.type.isError; } });
  return known;
}

const queries = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(queries.filter((item) => !isKnown(item))));
