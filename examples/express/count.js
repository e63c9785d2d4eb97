// Counts replies by version for `health.http`, in CloudWatch's embedded metric format. To Lambda a reply with status 500
// is a success. (console.log would put the line into other JSON where a function's log format is JSON.)

export const counted = (handler) => async (event, context) => {
  const reply = await handler(event, context);
  const Metrics = [{ Name: "Replies" }, { Name: "ServerErrors" }];
  const directive = { Namespace: "BlueGreen/Functions", Dimensions: [["FunctionName", "Version"]], Metrics };
  const line = { _aws: { Timestamp: Date.now(), CloudWatchMetrics: [directive] }, FunctionName: context.functionName };
  Object.assign(line, { Version: context.functionVersion, Replies: 1, ServerErrors: Number(reply.statusCode >= 500) });
  process.stdout.write(`${JSON.stringify(line)}\n`);
  return reply;
};
