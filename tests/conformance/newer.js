// Writes JumpCloud's descriptions as they are since March 2026, from those of May 2023 and what is known to be different.
// Objects are closed: a field that neither a description nor a real answer has is an objection.
// usage: node newer.js <openapi-v1.yaml> <openapi-v2.yaml> <folder to write v1.json, v2.json and insights.json to>
const fs = require("fs");
const yaml = require("yaml");

const [v1, v2] = process.argv.slice(2, 4).map((file) => yaml.parse(fs.readFileSync(file, "utf8"), { maxAliasCount: -1 }));

const text = { type: "string", nullable: true };
const flag = { type: "boolean" };
const list = (items) => ({ type: "array", items });
const record = (fields) => ({ type: "object", additionalProperties: false, properties: fields });
const texts = (...names) => Object.fromEntries(names.map((name) => [name, text]));
const copy = (value) => JSON.parse(JSON.stringify(value));

/** Adds fields to a schema, takes fields away, and closes it. */
function change(schema, more, less = []) {
  schema.properties = { ...schema.properties, ...more };
  for (const name of less) delete schema.properties[name];
  schema.additionalProperties = false;
}

/** These fields may be null: real answers have it. */
function nullable(schema, ...names) {
  for (const name of names) schema.properties[name] = { nullable: true, ...schema.properties[name] };
}

const s1 = v1.components.schemas;
const s2 = v2.components.schemas;

// Users. Real answers have `id` beside `_id`, and `systemUsername`.
change(
  s1.systemuserreturn,
  {
    ...texts("id", "systemUsername"),
    admin: { ...record({ ...texts("id", "roleName"), roleNames: list(text) }), nullable: true },
    delegatedAuthority: { ...record(texts("id", "name")), nullable: true },
    restrictedFields: list({ type: "object" }),
  },
  ["tags"],
);
nullable(s1.systemuserreturn, "employeeIdentifier", "manager", "account_locked_date", "password_date", "password_expiration_date");
s1.systemuserSearchReturn = copy(s1.systemuserreturn);
change(s1.systemuserSearchReturn, { memberof: list(text) }, ["delegatedAuthority"]);

// Devices. Real answers have two more fields, which no description has.
change(s1.system, {
  ...texts("id", "hwVendor", "remoteAssistAgentVersion", "systemToken"),
  usernameHashes: list(text),
  agentHasFullDiskAccess: flag,
  isPolicyBound: flag,
  attributes: list({ type: "object" }),
  policyStats: { type: "object", additionalProperties: { type: "integer" } },
  primarySystemUser: { ...record(texts("id")), nullable: true },
  secureLogin: record({ enabled: flag, supported: flag }),
});
nullable(s1.system, "fileSystem", "lastContact");
const owner = ["_id", "email", "state", "department", "jobTitle", "manager"].map((field) => `primarySystemUser.${field}`);
s1.systemSearch = copy(s1.system);
change(s1.systemSearch, { memberof: list(text), ...texts(...owner) });

// Searches answer models of their own, and take their page in the body. `sort` there is what JumpCloud's clients send.
for (const [path, schema] of [["systemusers", "systemuserSearchReturn"], ["systems", "systemSearch"]]) {
  const answer = v1.paths[`/search/${path}`].post.responses["200"].content["application/json"];
  answer.schema = record({
    results: list({ $ref: `#/components/schemas/${schema}` }),
    totalCount: { type: "integer" },
  });
}
change(s1.search, {
  limit: { type: "integer", minimum: 1, maximum: 100 },
  skip: { type: "integer", minimum: 0 },
  sort: { type: "string" },
});

// An id that does not exist: sources disagree, and no description says.
const words = { description: "", content: { "application/json": { schema: record(texts("message", "error", "code", "status")) } } };
for (const path of ["/systemusers/{id}", "/systems/{id}"]) {
  const responses = v1.paths[path].get.responses;
  Object.assign(responses, { 204: { description: "" }, 400: words, 404: words });
  const found = responses["200"].content["application/json"];
  found.schema = { nullable: true, anyOf: [found.schema, { enum: [null], nullable: true }] };
}
for (const path of ["users/{user_id}/systems", "users/{user_id}/memberof", "systems/{system_id}/users", "systems/{system_id}/memberof"]) {
  Object.assign(v2.paths[`/${path}`].get.responses, { 400: words, 404: words });
}

// The graph and its groups; nothing is null there, says the description, and real answers say null.
change(s2.GraphObjectWithPaths, { ...texts("externalId"), syncStatus: { type: "object", nullable: true } });
nullable(s2.GraphObjectWithPaths, "compiledAttributes");
nullable(s2.GraphObject, "attributes");
nullable(s2.GraphConnection, "attributes");
for (const group of [s2.UserGroup, s2.SystemGroup]) {
  change(group, { ...texts("organizationObjectId"), memberQueryErrorFlags: list({}) }, ["membershipAutomated"]);
  group.properties.attributes = { type: "object", nullable: true };
}

// Lists of groups, which the extract of May 2023 leaves out. They take what lists of v2 take.
for (const [path, schema] of [["usergroups", "UserGroup"], ["systemgroups", "SystemGroup"]]) {
  const list = copy(v2.paths["/users/{user_id}/memberof"].get);
  list.operationId = `groups_${path}`;
  list.parameters = list.parameters.filter((parameter) => parameter.in !== "path");
  list.responses["200"].content["application/json"].schema = { type: "array", items: { $ref: `#/components/schemas/${schema}` } };
  v2.paths[`/${path}`] = { get: list };
}

// Apple MDM, its devices, logins and scheduled changes: closed, with the fields that real answers have besides.
change(s2["apple-mdm-device"], texts("appleMdmId", "mdmOsFamily", "modelFamily"));
for (const name of ["AppleMDM", "system-insights-logged-in-users", "scheduled-userstate-result", "QueuedCommandList"]) change(s2[name], {});

// The sample sends `{}`, and the description of March 2026 declares it.
v2.paths["/applemdms/{apple_mdm_id}/devices/{device_id}/shutdown"].post.requestBody = { content: { "application/json": { schema: record({}) } } };

// Directory Insights, a description of its own.
const value = { oneOf: [text, flag, { type: "integer" }, list(text)] };
const terms = list({ type: "object", additionalProperties: value });
const insights = {
  openapi: "3.0.3",
  info: { title: "Directory Insights", version: "1.0" },
  components: { securitySchemes: { "x-api-key": { type: "apiKey", in: "header", name: "x-api-key" } } },
  paths: {
    "/events": {
      post: {
        security: [{ "x-api-key": [] }],
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                ...record({
                  service: list({ type: "string" }),
                  start_time: { type: "string", format: "date-time" },
                  end_time: { type: "string", format: "date-time" },
                  limit: { type: "integer", minimum: 1, maximum: 10000 },
                  sort: { type: "string", enum: ["ASC", "DESC"] },
                  fields: list({ type: "string" }),
                  search_term: record({ and: terms, or: terms }),
                  search_after: list({}),
                  skip: { type: "integer" },
                  q: { type: "string" },
                }),
                required: ["service", "start_time"],
              },
            },
          },
        },
        responses: {
          200: { description: "", content: { "application/json": { schema: list({ type: "object" }) } } },
        },
      },
    },
  },
};

const folder = process.argv[4];
fs.writeFileSync(`${folder}/insights.json`, JSON.stringify(insights));
fs.writeFileSync(`${folder}/v1.json`, JSON.stringify(v1));
fs.writeFileSync(`${folder}/v2.json`, JSON.stringify(v2));
