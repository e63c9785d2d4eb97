// An application whose test users meet the next version first: they are sent to $LATEST, everyone else to the alias.
//
//     npm ci
//     echo '{"user": "tess", "salary": 60000, "years": 7, "department": "Sales"}' | node client.mjs
//
// One request a line on stdin, one answer a line on stdout, with the version that gave it. A deployment moves
// the alias while this runs; nothing here knows of it.

import readline from "node:readline";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";

const { FUNCTION = "BonusCalculatorLambda", ALIAS = "PROD", TEST_USERS = "tess,theo" } = process.env;
const testUsers = new Set(TEST_USERS.split(","));

const aws = new LambdaClient();

async function bonus({ user, ...facts }) {
  const answer = await aws.send(
    new InvokeCommand({
      FunctionName: FUNCTION,
      Qualifier: testUsers.has(user) ? "$LATEST" : ALIAS,
      Payload: JSON.stringify({ employee: user, ...facts }),
    }),
  );
  const reply = JSON.parse(answer.Payload.transformToString());
  if (answer.FunctionError) return { user, version: answer.ExecutedVersion, error: reply.errorMessage };
  return { user, version: answer.ExecutedVersion, bonus: JSON.parse(reply.body).bonus };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await bonus(JSON.parse(line))));
}
