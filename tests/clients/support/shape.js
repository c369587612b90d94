// Holds an answer against the shape that its document gives.

const types = {
  String: (value) => typeof value === "string",
  Integer: (value) => Number.isInteger(value),
  Boolean: (value) => typeof value === "boolean",
};

/**
 * Each difference between `value` and `shape`, by its path. A shape is the name of a type, a list of
 * one shape, or an object of shapes by name, where a name with `?` may be missing or null. A field
 * that the shape does not have is a difference, too.
 */
export function differences(shape, value, path = "") {
  if (typeof shape === "string") return types[shape](value) ? [] : [`${path}: no ${shape}: ${JSON.stringify(value)}`];
  if (Array.isArray(shape))
    return Array.isArray(value)
      ? value.flatMap((each, at) => differences(shape[0], each, `${path}[${at}]`))
      : [`${path}: no list`];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${path}: no object`];
  const known = Object.entries(shape).map(([name, of]) => ({ name: name.replace(/\?$/, ""), of, may: name.endsWith("?") }));
  const wrong = known.flatMap(({ name, of, may }) => {
    const given = value[name];
    if (given === undefined || given === null) return may ? [] : [`${path}.${name}: is missing`];
    return differences(of, given, `${path}.${name}`);
  });
  const names = new Set(known.map((each) => each.name));
  for (const name of Object.keys(value)) if (!names.has(name)) wrong.push(`${path}.${name}: the document has none`);
  return wrong;
}
