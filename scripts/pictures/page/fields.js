// Transformations and field options, applied by @grafana/data.
import {
  FieldConfigOptionsRegistry,
  FieldType,
  applyFieldOverrides,
  cacheFieldDisplayNames,
  displayNameOverrideProcessor,
  formattedValueToString,
  identityOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  thresholdsOverrideProcessor,
  transformDataFrame,
} from "@grafana/data";
import { firstValueFrom } from "rxjs";

// Some are listed twice, under an old name and a new one.
const TRANSFORMERS = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));

standardTransformersRegistry.setInit(() =>
  [...TRANSFORMERS.values()].map((one) => ({
    id: one.id,
    name: one.name,
    description: one.description,
    transformation: async () => one,
  })),
);

/** Frames after a panel's transformations. Throws on one that only Grafana itself has. */
export async function transformed(frames, transformations = []) {
  const active = transformations.filter((one) => !one.disabled);
  const unknown = active.find((one) => !TRANSFORMERS.has(one.id));
  if (unknown) throw new Error(`transformation ${unknown.id} is not one of @grafana/data`);
  return firstValueFrom(transformDataFrame(active, frames));
}

// The options that every kind of panel has; a kind's own ones are below `custom`.
const STANDARD = [
  "unit",
  "min",
  "max",
  "decimals",
  "noValue",
  "mappings",
  "links",
  "color",
  "fieldMinMax",
  "description",
  "filterable",
  "actions",
];

// What Grafana takes where a file says nothing.
const THRESHOLDS = {
  mode: "absolute",
  steps: [
    { value: null, color: "green" },
    { value: 80, color: "red" },
  ],
};
const COLOR = { timeseries: { mode: "palette-classic" } };
const COLOR_OF_OTHERS = { mode: "thresholds" };

/** Frames with units, thresholds, colours and overrides, for a type of panel. */
export function configured(frames, type, { defaults, overrides }, theme) {
  const color = COLOR[type] ?? COLOR_OF_OTHERS;
  const fieldConfig = { defaults: { thresholds: THRESHOLDS, color, ...defaults }, overrides };
  const data = applyFieldOverrides({
    data: frames,
    fieldConfig,
    fieldConfigRegistry: registryOf(fieldConfig),
    replaceVariables,
    theme,
    timeZone: "utc",
  });
  // As in Grafana's panels: a field knows where it came from, by which the legend finds it again.
  data.forEach((frame, frameIndex) =>
    frame.fields.forEach((field, fieldIndex) => {
      field.state = { ...field.state, origin: { frameIndex, fieldIndex } };
    }),
  );
  cacheFieldDisplayNames(data);
  return data;
}

/** All options that are set anywhere in a panel: Grafana registers those of its plugins by name. */
function registryOf({ defaults, overrides }) {
  const set = overrides.flatMap((override) => override.properties.map((property) => property.id));
  const custom = new Set([
    ...Object.keys(defaults.custom ?? {}),
    ...set.filter((id) => id.startsWith("custom.")).map((id) => id.slice("custom.".length)),
  ]);
  const item = (id, path, isCustom, process) => ({
    id,
    path,
    isCustom,
    name: id,
    process,
    shouldApply: () => true,
    override: () => null,
    editor: () => null,
    settings: {},
  });
  return new FieldConfigOptionsRegistry(() => [
    ...STANDARD.map((id) => item(id, id, false, identityOverrideProcessor)),
    {
      ...item("displayName", "displayName", false, displayNameOverrideProcessor),
      settings: { expandTemplateVars: true },
    },
    item("thresholds", "thresholds", false, thresholdsFor),
    ...[...custom].map((path) => item(`custom.${path}`, path, true, identityOverrideProcessor)),
  ]);
}

/** JSON has no infinity, so the lowest step has the value null in files. */
function thresholdsFor(value, ...rest) {
  const steps = value?.steps?.map((step, index) => (index === 0 ? { ...step, value: -Infinity } : step));
  return thresholdsOverrideProcessor(steps ? { ...value, steps } : value, ...rest);
}

/** What a field's display name may ask for; a dashboard's own variables are replaced before. */
export function replaceVariables(text, scopedVars = {}) {
  const { field, frame } = scopedVars.__dataContext?.value ?? {};
  if (!field) return text;
  return text
    .replace(
      /\$\{__field\.labels(?:\.(\w+)|\["(.+?)"\])\}/g,
      (_, name, quoted) => field.labels?.[name ?? quoted] ?? "",
    )
    .replace(/\$\{__field\.(?:displayName|name)\}/g, () => field.config.displayNameFromDS ?? field.name)
    .replace(/\$\{__series\.name\}/g, () => frame.name ?? "");
}

/** The text of a field's value, with its unit. */
export const textOf = (field, value) => formattedValueToString(field.display(value));

export const timeFieldOf = (frame) => frame.fields.find((field) => field.type === FieldType.time);
export const numbersOf = (frame) => frame.fields.filter((field) => field.type === FieldType.number);
