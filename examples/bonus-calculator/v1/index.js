// Five per cent of the salary for everybody.

exports.handler = async (event) => {
  const { employee, salary } = event.body ? JSON.parse(event.body) : event;
  if (employee === undefined) return reply("Hello from Lambda!");
  if (!(salary >= 0)) throw new RangeError(`salary is ${salary}; it is 0 or more`);
  return reply({ employee, bonus: Math.round((salary * 5) / 100) });
};

function reply(body) {
  return { statusCode: 200, body: JSON.stringify(body) };
}
