// Goal: an answer that is not as its document says is seen. Method: answers with one fault each.
import assert from "node:assert/strict";
import { test } from "node:test";
import { differences } from "../support/shape.js";

const shape = { header: { resultCode: "Integer", isSuccessful: "Boolean" }, "message?": { "id?": "String", list: [{ no: "String" }] } };
const good = { header: { resultCode: 0, isSuccessful: true }, message: { id: null, list: [{ no: "1" }] } };

test("an answer of the shape has no differences", () => {
  assert.deepEqual(differences(shape, good), []);
  assert.deepEqual(differences(shape, { header: good.header }), []);
});

test("each fault is told by its place", () => {
  const one = (change) => differences(shape, { ...good, ...change });
  assert.deepEqual(one({ header: undefined }), [".header: is missing"]);
  assert.deepEqual(one({ header: { resultCode: "0", isSuccessful: true } }), ['.header.resultCode: no Integer: "0"']);
  assert.deepEqual(one({ message: { list: {} } }), [".message.list: no list"]);
  assert.deepEqual(one({ message: { list: [{ no: "1" }, {}] } }), [".message.list[1].no: is missing"]);
  assert.deepEqual(one({ more: 1 }), [".more: the document has none"]);
  assert.deepEqual(differences(shape, []), [": no object"]);
});
