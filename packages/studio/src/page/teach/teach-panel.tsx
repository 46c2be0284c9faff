export function TeachPanel() {
  return <h1>Teach</h1>;
}
