const PRICES = { bread: 3, milk: 2 };

export const handler = async ({ product }) => {
  const price = PRICES[product];
  return price ? { statusCode: 200, price } : { statusCode: 404 };
};
