// A Lambda execution environment for Node.js: load the handler once, then answer one event at a time.
//
// Runs alone in a process of its own. It reads JSON lines from stdin and writes its answers to the
// descriptor named on the command line, so that nothing a handler prints can be taken for an answer.
// After each answer's logs it writes the line `end of log <request id>`.

import { existsSync, writeSync } from "node:fs";
import Module from "node:module";
import path from "node:path";
import readline from "node:readline";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

const answers = Number(process.argv[2]);
const task = process.env.LAMBDA_TASK_ROOT;
const takesCallbacks = Number(/nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV)?.[1]) < 24;
process.argv.splice(2);

const lookup = Module._resolveLookupPaths;
Module._resolveLookupPaths = (...wanted) =>
  lookup(...wanted)?.filter((folder) => !path.isAbsolute(folder) || folder.startsWith(task)) ?? null;

function reply(to, message) {
  const text = Buffer.from(JSON.stringify(message) + "\n");
  process.stdout.write(`\nend of log ${to}\n`);
  for (let sent = 0; sent < text.length; ) sent += writeSync(answers, text, sent);
}

function failure(type, error) {
  const known = error instanceof Error || (error?.stack && error?.message !== undefined);
  if (!known) return { errorType: type ?? typeof error, errorMessage: String(error), trace: [] };
  return { errorType: type ?? error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") };
}

async function load(name) {
  const [folder, base] = [path.dirname(name), path.basename(name)];
  const [file, exported] = [base.slice(0, base.lastIndexOf(".")), base.slice(base.lastIndexOf(".") + 1)];
  const found = ["", ".js", ".mjs", ".cjs"].map((end) => path.resolve(task, folder, file + end)).find(existsSync);
  if (!found) return { error: failure("Runtime.ImportModuleError", new Error(`Cannot find module '${file}'`)) };
  let loaded;
  try {
    loaded = await import(pathToFileURL(found));
  } catch (error) {
    const missing = /MODULE_NOT_FOUND/.test(error.code);
    const type = missing ? "Runtime.ImportModuleError" : error instanceof SyntaxError ? "Runtime.UserCodeSyntaxError" : undefined;
    return { error: failure(type, error) };
  }
  const handler = loaded[exported] ?? loaded.default?.[exported];
  if (typeof handler === "function" && handler.length >= 3 && !takesCallbacks) {
    const words = "Lambda supports no callback-based handlers from Node.js 24 on; make the handler async";
    return { error: failure("Runtime.CallbackHandlerDeprecated", new Error(words)) };
  }
  if (typeof handler === "function") return { handler };
  return { error: failure("Runtime.HandlerNotFound", new Error(`${name} is undefined or not exported`)) };
}

let current = "init";
for (const [name, level] of Object.entries({ log: "INFO", info: "INFO", debug: "DEBUG", trace: "TRACE", warn: "WARN", error: "ERROR" })) {
  console[name] = (...told) => {
    const line = format(...told).replaceAll("\n", "\r");
    process.stdout.write(`${new Date().toISOString()}\t${current === "init" ? "undefined" : current}\t${level}\t${line}\n`);
  };
}
for (const [event, type] of [["uncaughtException", undefined], ["unhandledRejection", "Runtime.UnhandledPromiseRejection"]]) {
  process.on(event, (error) => {
    reply(current, { error: failure(type, error) });
    process.exit(129);
  });
}

function contextOf(call) {
  return {
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: call.invoked_function_arn,
    awsRequestId: call.request_id,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(call.deadline * 1000 - Date.now())),
  };
}

function run(handler, call) {
  return new Promise((resolve, reject) => {
    const returned = handler(call.event, contextOf(call), (error, result) => (error ? reject(error) : resolve(result)));
    if (typeof returned?.then === "function") returned.then(resolve, reject);
    else if (handler.length < 3) resolve(returned);
  });
}

const { handler, error } = await load(process.env._HANDLER);
reply("init", { error: error ?? null });
for await (const line of readline.createInterface({ input: process.stdin })) {
  const call = JSON.parse(line);
  current = call.request_id;
  process.env._X_AMZN_TRACE_ID = call.trace_id;
  try {
    reply(current, { result: (await run(handler, call)) ?? null });
  } catch (error) {
    reply(current, { error: failure(undefined, error) });
  }
}
