package io.satchel.vm.cpu;

/** What a processor says of itself. */
public final class CpuModel {}
