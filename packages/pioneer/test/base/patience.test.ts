import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PatientLog } from "../../src/base/patience.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

test("what is done is told once two seconds have passed, and again after two more", () => {
  const told: string[] = [];
  const log = new PatientLog((text) => told.push(text));
  log.doing("at once");
  vi.advanceTimersByTime(1999);
  log.doing("soon");
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1);
  log.doing("late");
  log.doing("just after");
  expect(told).toEqual(["late"]);
  vi.advanceTimersByTime(2000);
  log.doing("later");
  expect(told).toEqual(["late", "later"]);
});
