export { type SiteOptions, type WrittenSite, writeSite } from "./site/write-site.ts";
export { type Studio, type StudioOptions, startStudio } from "./studio.ts";
