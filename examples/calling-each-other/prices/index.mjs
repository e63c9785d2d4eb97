// Prices: what a product costs. It asks Tax through the alias, so a deployment of Tax moves it along.
//
// tax_cents and tax_name are new in the answer. Callers from before do not read them. A Tax from before says no name.

import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";

const NET_CENTS = { bread: 300, wine: 1200 };
const aws = new LambdaClient();

export const handler = async ({ product }) => {
  const { percent, name = null } = await ask("Tax", { product });
  const net = NET_CENTS[product];
  const tax = Math.round((net * percent) / 100);
  return { cents: net + tax, tax_cents: tax, tax_name: name };
};

async function ask(called, event) {
  const answer = await aws.send(
    new InvokeCommand({ FunctionName: called, Qualifier: "PROD", Payload: JSON.stringify(event) }),
  );
  const reply = JSON.parse(answer.Payload.transformToString());
  if (answer.FunctionError) throw new Error(`${called} version ${answer.ExecutedVersion}: ${reply.errorMessage}`);
  return reply;
}
