// What was played, and how it went: the figure of `cargo xtask prove app`.

/** A reporter of Node's test runner. */
export default async function* report(events) {
  const stories = [];
  const said = [];
  for await (const { type, data } of events) {
    if (type === "test:stdout") said.push(data.message.trim());
    if (type !== "test:pass" && type !== "test:fail") continue;
    stories.push({
      story: data.name,
      passed: type === "test:pass",
      seconds: Math.round(data.details.duration_ms / 100) / 10,
    });
  }
  const failed = stories.filter((one) => !one.passed).length;
  const figure = {
    name: "app",
    figure: failed,
    unit: `stories of ${stories.length} that did not end well`,
    yardstick: "none",
    ask: "= 0",
    holds: failed === 0 && stories.length > 0,
  };
  yield JSON.stringify({ ...figure, said, stories }, null, 2);
}
