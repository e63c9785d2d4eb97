// Five per cent of the salary, and one more for every five years of service.

exports.handler = async (event) => {
  const { employee, salary, years } = event.body ? JSON.parse(event.body) : event;
  if (employee === undefined) return reply("Hello from Lambda!");
  if (!(salary >= 0)) throw new RangeError(`salary is ${salary}; it is 0 or more`);
  const percent = 5 + Math.floor(years / 5);
  return reply({ employee, bonus: Math.round((salary * percent) / 100) });
};

function reply(body) {
  return { statusCode: 200, body: JSON.stringify(body) };
}
