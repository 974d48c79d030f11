export default function (c) { return () => {}; }
