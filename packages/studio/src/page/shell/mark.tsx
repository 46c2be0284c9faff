/** Rays from one point, as the map of pulsars on the Pioneer plaque has them. */
const rays =
  "M19.0 16.4L24.9 17.3M18.5 17.6L27.6 23.5M17.6 18.5L19.8 22.1M16.3 19.0L17.2 27.5M14.9 18.8L13.8 21.7M13.8 18.0L6.5 24.9M13.2 17.0L6.5 19.5M13.0 15.6L8.1 14.9M13.5 14.3L4.0 7.9M14.5 13.4L12.6 9.9M15.7 13.0L14.9 3.7M17.1 13.2L19.3 7.9M18.2 14.0L24.1 8.7M18.8 15.0L21.5 14.1";

export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" width={26} height={26} aria-hidden="true">
      <path d={rays} fill="none" stroke="currentColor" strokeWidth={1.7} strokeLinecap="round" />
    </svg>
  );
}
