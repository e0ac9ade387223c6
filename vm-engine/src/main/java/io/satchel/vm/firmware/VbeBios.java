package io.satchel.vm.firmware;

/** INT 10h/4Fh. */
final class VbeBios {

  private final Guest guest;

  VbeBios(Guest guest) {
    this.guest = guest;
  }

  /** Goes back to VGA. */
  void leave() {
    guest.out16(0x1CE, 4);
    guest.out16(0x1CF, 0);
  }

  void call(VideoBios video) {}
}
