// A catalogue behind API Gateway that counts what is looked at. Nothing waits for the count, and for wine it fails. The
// rejection that nothing handles ends the process, and Lambda counts an error.

import { setTimeout } from "node:timers/promises";

import express from "express";
import serverless from "serverless-http";

import { counted } from "./count.js";

const CENTS = { bread: 380, cheese: 1290, wine: 1540 };
const looks = { bread: [], cheese: [] };

const app = express();
app.disable("x-powered-by");

app.get("/products/:id", async (request, response) => {
  const { id } = request.params;
  if (!(id in CENTS)) return response.status(404).json({ id, error: "there is no such product" });
  remember(id);
  response.json({ id, cents: await priceOf(id) });
});

async function remember(id) {
  looks[id].push(Date.now());
}

async function priceOf(id) {
  await setTimeout(5);
  return CENTS[id];
}

export const handler = counted(serverless(app));
