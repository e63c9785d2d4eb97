// A catalogue behind API Gateway: GET /products/:id.

import express from "express";
import serverless from "serverless-http";

import { counted } from "./count.js";

const CENTS = { bread: 380, cheese: 1290, wine: 1540 };

const app = express();
app.disable("x-powered-by");

app.get("/products/:id", (request, response) => {
  const { id } = request.params;
  if (!(id in CENTS)) return response.status(404).json({ id, error: "there is no such product" });
  response.json({ id, cents: CENTS[id] });
});

export const handler = counted(serverless(app));
