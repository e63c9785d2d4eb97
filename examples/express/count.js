// Counts replies by version, in CloudWatch's embedded metric format. To Lambda a reply with status 500 is a success, so
// Lambda's own metrics do not show it; these are watched like them when they stand in `health.metrics`.

export function count(request, response, next) {
  response.on("finish", () => {
    const line = {
      _aws: {
        Timestamp: Date.now(),
        CloudWatchMetrics: [
          { Namespace: "Catalogue", Dimensions: [["version"]], Metrics: [{ Name: "Replies" }, { Name: "ServerErrors" }] },
        ],
      },
      version: process.env.AWS_LAMBDA_FUNCTION_VERSION,
      Replies: 1,
      ServerErrors: Number(response.statusCode >= 500),
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  });
  next();
}
