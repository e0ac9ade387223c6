package io.satchel.vm.firmware;

/**
 * The services behind the stubs of the ROM. A stub pushes the ordinal and writes to {@link
 * SystemRom#PORT}.
 */
enum Trap {
  /** From the reset vector: everything up to the boot screen. */
  POST,
  /** The boot screen: waits a moment for a key, shows the boot menu, then starts a drive. */
  BOOT,
  /** INT 18h and the end of a boot that found nothing. */
  NO_BOOT,
  /** INT 08h, IRQ 0. */
  TICK,
  /** INT 09h, IRQ 1, with the scan code in AL. */
  KEY,
  INT10,
  INT13,
  INT14,
  INT15,
  INT16,
  INT17,
  INT1A,
  /** INT 40h: the diskette service behind INT 13h. */
  INT40,
  /** INT 70h, IRQ 8. */
  RTC,
  /** INT 74h, IRQ 12. */
  MOUSE,
  /** The 32-bit entry of the BIOS32 service directory. */
  BIOS32(true),
  /** The 32-bit entry of the PCI BIOS. */
  PCI32(true),
  /** The 16-bit protected-mode entry of APM. */
  APM16,
  /** The 32-bit protected-mode entry of APM. */
  APM32(true);

  private final boolean wide;

  Trap() {
    this(false);
  }

  Trap(boolean wide) {
    this.wide = wide;
  }

  /** Whether the stub is 32-bit code: its stack slots are four bytes wide. */
  boolean wide() {
    return wide;
  }
}
