const PRICES = { bread: 3, milk: 2 };

// By an HTTP API with ?product=bread, by a hook or a test with {"product": "bread"}.
export const handler = async (event) => {
  const price = PRICES[event.queryStringParameters?.product ?? event.product];
  return price ? { statusCode: 200, body: String(price) } : { statusCode: 404 };
};
