// The AWS SDK for JavaScript v3 speaks CloudWatch in each of its three wire forms, and an alarm moves a group. The access comes
// from the AWS variables; a difference ends it with exit status 1.
import assert from "node:assert/strict";
import * as scaling from "@aws-sdk/client-auto-scaling";
import * as watch from "@aws-sdk/client-cloudwatch";
import { AwsJson1_0Protocol, AwsQueryProtocol, AwsSmithyRpcV2CborProtocol } from "@aws-sdk/core/protocols";

const FORMS = { json: AwsJson1_0Protocol, query: AwsQueryProtocol, cbor: AwsSmithyRpcV2CborProtocol };
const MINUTE = 60_000;
const now = new Date(Math.floor(Date.now() / MINUTE) * MINUTE);
const before = new Date(now - MINUTE);
const period = { StartTime: before, EndTime: new Date(+now + MINUTE) };

function speaks(form) {
  return new watch.CloudWatchClient({
    endpoint: process.env.AWS_ENDPOINT_URL,
    maxAttempts: 1,
    protocol: FORMS[form],
    // In this form the SDK compresses the body and keeps the Content-Length of what it compressed (3.1164).
    disableRequestCompression: form === "cbor",
  });
}

// What is refused: the error's class by its name in the model, and its words.
async function refused(asked, name, words, status = 400) {
  const error = await asked.then(
    () => assert.fail(`${name} was expected`),
    (found) => found,
  );
  assert.equal(error.name, name, `${error.name}: ${error.message}`);
  assert.match(error.message, words);
  assert.equal(error.$metadata.httpStatusCode, status);
  assert.ok(error.$metadata.requestId);
  return error;
}

async function metrics(client, namespace) {
  const data = [1, 2.5].map((value) => ({ MetricName: "m", Timestamp: now, Value: value }));
  data.push({ MetricName: "m", Timestamp: before, Values: [1, 4], Counts: [3, 1], Unit: "None" });
  await client.send(new watch.PutMetricDataCommand({ Namespace: namespace, MetricData: data }));
  const many = Array.from({ length: 900 }, (_, number) => ({ MetricName: "many", Timestamp: now, Value: number }));
  await client.send(new watch.PutMetricDataCommand({ Namespace: namespace, MetricData: many }));
  const listed = [];
  for await (const page of watch.paginateListMetrics({ client }, { Namespace: namespace })) listed.push(...page.Metrics);
  assert.deepEqual(listed.map((metric) => metric.MetricName), ["m", "many"]);

  const statistics = await client.send(
    new watch.GetMetricStatisticsCommand({
      ...period, Namespace: namespace, MetricName: "m", Period: 60, Statistics: ["Sum", "Maximum"], ExtendedStatistics: ["p50"],
    }),
  );
  const points = statistics.Datapoints.sort((one, other) => one.Timestamp - other.Timestamp);
  assert.deepEqual(
    points.map((point) => [+point.Timestamp, point.Sum, point.Maximum, point.ExtendedStatistics.p50]),
    [[+before, 7, 4, 1], [+now, 3.5, 2.5, 1]],
  );
  const stat = { Metric: { Namespace: namespace, MetricName: "m" }, Period: 60, Stat: "Sum" };
  const answer = await client.send(
    new watch.GetMetricDataCommand({
      ...period,
      ScanBy: "TimestampAscending",
      MetricDataQueries: [
        { Id: "m", MetricStat: stat, ReturnData: false },
        { Id: "twice", Expression: "m * 2", Label: "twice as much" },
        { Id: "none", MetricStat: { ...stat, Metric: { Namespace: namespace, MetricName: "nothing" } } },
      ],
    }),
  );
  const [twice, none] = answer.MetricDataResults;
  assert.deepEqual([twice.Label, twice.Timestamps.map(Number), twice.Values], ["twice as much", [+before, +now], [14, 7]]);
  assert.deepEqual([none.Timestamps ?? [], none.Values ?? [], none.StatusCode], [[], [], "Complete"]);
}

async function alarms(client, name) {
  const put = {
    AlarmName: name, AlarmDescription: "größer als 50", Namespace: "Forms", MetricName: "m", Statistic: "Average", Period: 60,
    EvaluationPeriods: 3, DatapointsToAlarm: 2, Threshold: 0.1, ComparisonOperator: "GreaterThanThreshold", TreatMissingData: "ignore",
    Dimensions: [{ Name: "a", Value: "b" }], Tags: [{ Key: "team", Value: "" }], ActionsEnabled: false,
  };
  await client.send(new watch.PutMetricAlarmCommand(put));
  await watch.waitUntilAlarmExists({ client, maxWaitTime: 10 }, { AlarmNames: [name] });
  const { MetricAlarms: [told] } = await client.send(new watch.DescribeAlarmsCommand({ AlarmNames: [name] }));
  const { Tags: tags, ...kept } = put;
  for (const [member, value] of Object.entries(kept)) assert.deepEqual(told[member], value, member);
  assert.deepEqual([told.StateValue, told.AlarmActions ?? []], ["INSUFFICIENT_DATA", []]);
  for (const member of ["AlarmConfigurationUpdatedTimestamp", "StateUpdatedTimestamp"]) {
    assert.ok(told[member] instanceof Date && Math.abs(told[member] - Date.now()) < 10 * MINUTE, member);
  }
  const { Tags: worn } = await client.send(new watch.ListTagsForResourceCommand({ ResourceARN: told.AlarmArn }));
  assert.deepEqual(worn, tags);
  await client.send(new watch.SetAlarmStateCommand({ AlarmName: name, StateValue: "ALARM", StateReason: "the form", StateReasonData: "{}" }));
  const history = await client.send(new watch.DescribeAlarmHistoryCommand({ AlarmName: name, HistoryItemType: "StateUpdate" }));
  assert.equal(history.AlarmHistoryItems[0].HistorySummary, "Alarm updated from INSUFFICIENT_DATA to ALARM");
  assert.equal(JSON.parse(history.AlarmHistoryItems[0].HistoryData).newState.stateReason, "the form");
  await client.send(new watch.EnableAlarmActionsCommand({ AlarmNames: [name] }));
  await client.send(new watch.DeleteAlarmsCommand({ AlarmNames: [name] }));
  const gone = await client.send(new watch.DescribeAlarmsCommand({ AlarmNames: [name] }));
  assert.deepEqual(gone.MetricAlarms ?? [], []);
}

async function dashboards(client, name) {
  const body = JSON.stringify({ widgets: [] });
  const put = await client.send(new watch.PutDashboardCommand({ DashboardName: name, DashboardBody: body }));
  assert.deepEqual(put.DashboardValidationMessages ?? [], []);
  const { DashboardEntries: [entry] } = await client.send(new watch.ListDashboardsCommand({ DashboardNamePrefix: name }));
  assert.equal(Number(entry.Size), body.length);
  assert.ok(entry.LastModified instanceof Date);
  const { DashboardBody: told } = await client.send(new watch.GetDashboardCommand({ DashboardName: name }));
  assert.equal(told, body);
  await client.send(new watch.DeleteDashboardsCommand({ DashboardNames: [name] }));
  await refused(client.send(new watch.GetDashboardCommand({ DashboardName: name })), "ResourceNotFound", /does not exist/, 404);
}

async function refusals(client) {
  const { send } = client;
  const ask = (command) => send.call(client, command);
  const state = { AlarmName: "none", StateValue: "OK", StateReason: "x" };
  const error = await refused(ask(new watch.SetAlarmStateCommand(state)), "ResourceNotFound", /./, 404);
  assert.ok(error instanceof watch.ResourceNotFound);
  await refused(ask(new watch.PutMetricDataCommand({ Namespace: "App" })), "MissingRequiredParameterException", /At least one MetricDatum/);
  const nan = [{ MetricName: "m", Value: Number.NaN }];
  await refused(ask(new watch.PutMetricDataCommand({ Namespace: "App", MetricData: nan })), "InvalidParameterValueException", /NaN/);
  await refused(ask(new watch.ListMetricsCommand({ NextToken: "x" })), "InvalidNextToken", /./);
  await refused(
    ask(new watch.GetMetricDataCommand({ ...period, MetricDataQueries: [{ Id: "e", Expression: "1 + )" }] })),
    "ValidationException", /Unsupported token '\)' at char 4/,
  );
}

async function becomes(groups, group, wanted) {
  for (let tries = 0; tries < 100; tries++) {
    const { AutoScalingGroups: [told] } = await groups.send(new scaling.DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [group] }));
    if (wanted(told)) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.fail(`not within 20 s: ${wanted}`);
}

// A policy is written in the query form; an alarm that is set in the form that is asked moves the group.
async function follows(client, group, name) {
  const groups = new scaling.AutoScalingClient({ endpoint: process.env.AWS_ENDPOINT_URL, maxAttempts: 1 });
  const { PolicyARN: arn } = await groups.send(
    new scaling.PutScalingPolicyCommand({
      AutoScalingGroupName: group, PolicyName: name, PolicyType: "SimpleScaling", AdjustmentType: "ExactCapacity", ScalingAdjustment: 1, Cooldown: 0,
    }),
  );
  await groups.send(new scaling.SetDesiredCapacityCommand({ AutoScalingGroupName: group, DesiredCapacity: 0 }));
  // A simple policy does nothing while anything of the group is on its way.
  await becomes(groups, group, (told) => told.Instances.length === 0);
  await client.send(
    new watch.PutMetricAlarmCommand({
      AlarmName: name, Namespace: "Forms", MetricName: "nothing", Statistic: "Sum", Period: 60, EvaluationPeriods: 1, Threshold: 1,
      ComparisonOperator: "GreaterThanThreshold", TreatMissingData: "ignore", AlarmActions: [arn],
    }),
  );
  await client.send(new watch.SetAlarmStateCommand({ AlarmName: name, StateValue: "ALARM", StateReason: "the form" }));
  await becomes(groups, group, (told) => told.DesiredCapacity === 1);
  await client.send(new watch.DeleteAlarmsCommand({ AlarmNames: [name] }));
  await groups.send(new scaling.DeletePolicyCommand({ AutoScalingGroupName: group, PolicyName: name }));
}

let failed = 0;
for (const form of Object.keys(FORMS)) {
  const client = speaks(form);
  const tasks = {
    metrics: () => metrics(client, `Forms/${form}`),
    alarms: () => alarms(client, `forms-${form}`),
    dashboards: () => dashboards(client, `forms-${form}`),
    refusals: () => refusals(client),
    "a group that follows": () => follows(client, process.argv[2], `follows-${form}`),
  };
  for (const [task, run] of Object.entries(tasks)) {
    try {
      await run();
      console.log(`ok ${form}: ${task}`);
    } catch (error) {
      failed++;
      console.log(`not ok ${form}: ${task}\n${error.stack}`);
    }
  }
}
process.exit(failed ? 1 : 0);
