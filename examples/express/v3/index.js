// A catalogue behind API Gateway. The rates moved into an object by country, and the route still reads them by product:
// it throws, and Express makes a reply with status 500 of that.

import express from "express";
import serverless from "serverless-http";

import { counted } from "./count.js";

const CENTS = { bread: 380, cheese: 1290, wine: 1540 };
const TAX = { de: { bread: 0.07, cheese: 0.07, wine: 0.19 } };

const app = express();
app.disable("x-powered-by");

app.get("/products/:id", (request, response) => {
  const { id } = request.params;
  if (!(id in CENTS)) return response.status(404).json({ id, error: "there is no such product" });
  response.json({ id, cents: CENTS[id], tax: taxIn(CENTS[id], TAX[id].rate) });
});

function taxIn(cents, rate) {
  return Math.round(cents - cents / (1 + rate));
}

export const handler = counted(serverless(app));
