package io.satchel.vm.firmware;

/**
 * Puts machine code into a ROM image. Instructions are given as bytes; each use says in a comment
 * what they are.
 */
final class Assembler {

  /** From a stub's entry to the end of its RET. */
  static final int TRAP_LENGTH = 5;

  /** From a stub's entry to its OUT. */
  static final int OUT = 2;

  /** From a 32-bit stub's entry to its OUT. */
  static final int WIDE_OUT = 3;

  private final byte[] rom;
  private int at;

  Assembler(byte[] rom, int at) {
    this.rom = rom;
    this.at = at;
  }

  /** Goes on at {@code offset}. */
  Assembler at(int offset) {
    at = offset;
    return this;
  }

  /** The offset of the next byte. */
  int here() {
    return at;
  }

  Assembler bytes(int... values) {
    for (int value : values) {
      rom[at++] = (byte) value;
    }
    return this;
  }

  Assembler word(int value) {
    return bytes(value, value >>> 8);
  }

  Assembler dword(int value) {
    return word(value).word(value >>> 16);
  }

  Assembler text(String text) {
    for (int i = 0; i < text.length(); i++) {
      bytes(text.charAt(i));
    }
    return this;
  }

  /** JMP near to an offset of the same segment. */
  Assembler jump(int target) {
    return bytes(0xE9).word(target - (at + 2));
  }

  /**
   * The call of a service: the word that the stub pushes is the service's number, and the service
   * replaces it by the offset of the code to go on with. Nothing else of the caller's registers and
   * flags is touched.
   *
   * <pre>
   *        jmp entry
   *        sti                ; wait: what the service chooses to try again after an interrupt
   *        hlt
   * entry: push trap
   *        out PORT, al
   *        ret
   *                           ; what the service chooses when it is done
   * </pre>
   *
   * @return the offset of {@code entry}
   */
  int trap(Trap trap) {
    bytes(0xEB, 0x02, 0xFB, 0xF4);
    int entry = at;
    bytes(0x6A, trap.ordinal(), 0xE6, SystemRom.PORT, 0xC3);
    return entry;
  }

  /**
   * The same in 32-bit code, where the service cannot know how the caller maps the code: it always
   * goes on behind the stub, and the service may change the flags that were pushed first.
   */
  int wideTrap(Trap trap) {
    int entry = at;
    bytes(0x9C); // pushfd
    bytes(0x6A, trap.ordinal(), 0xE6, SystemRom.PORT); // push trap; out PORT, al
    bytes(0x83, 0xC4, 0x04, 0x9D); // add esp, 4; popfd
    return entry;
  }
}
