export function WatchPanel() {
  return <h1>Watch</h1>;
}
