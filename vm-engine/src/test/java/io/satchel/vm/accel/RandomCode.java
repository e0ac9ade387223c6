package io.satchel.vm.accel;

import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.decode.OpcodeMap.Row;
import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** Programs of random instructions in a loop, for engines to be compared on. */
final class RandomCode {

  static final int START = 0x1000;
  static final int COUNTER = 0x7F00;
  static final int DATA = 0x20000;

  /** Where half of the 64-bit programs run and have their data: see {@code longMode()}. */
  static final long HIGH = 0xFFFF_8000_0000_0000L;

  /** In 64-bit code, beside rBX, rBP, rSI and rDI: what ModRM names them with by REX.B. */
  private static final int[] BASES = {3, 5, 6, 7};

  private static final Set<String> UNWANTED =
      Set.of("RDTSC", "RDTSCP", "RDPMC", "RDRAND", "RDSEED", "UD0", "UD1", "UD2");

  private final Random random;
  private final boolean floating;
  private final int codeWidth;

  /** Added to all addresses of the program. */
  final long base;

  private final List<Row> rows;
  private final Decoder decoder;
  private final ByteArrayOutputStream code = new ByteArrayOutputStream();

  RandomCode(long seed, int codeWidth) {
    random = new Random(seed);
    this.codeWidth = codeWidth;
    decoder = new Decoder(Decoder.fullMap(), CpuModel.named("max").features());
    floating = seed % 4 == 0;
    base = codeWidth == 8 && (seed & 2) != 0 ? HIGH : 0;
    rows = Decoder.fullMap().rows().stream().filter(this::wanted).toList();
  }

  /** What the two engines execute alike: no time, no chance, nothing that ends a block. */
  private boolean wanted(Row row) {
    boolean special = row.has(Trait.X87) || row.has(Trait.SSE);
    return !row.has(Trait.ENDS_BLOCK)
        && !row.has(Trait.CPL0)
        && !row.has(codeWidth == 8 ? Trait.NOT64 : Trait.ONLY64)
        && !row.has(Trait.AVX)
        && (floating || !special)
        && !UNWANTED.contains(row.mnemonic());
  }

  private void bytes(int... values) {
    for (int value : values) {
      code.write(value);
    }
  }

  private void immediate(long value, int width) {
    for (int n = 0; n < width; n++) {
      code.write((int) (value >>> 8 * n));
    }
  }

  /** mov r,imm of the code's width. */
  private void load(int register, long value) {
    if (codeWidth == 8) {
      bytes(0x48 | register >>> 3);
    }
    bytes(0xB8 + (register & 7));
    immediate(value, codeWidth);
  }

  /** A distance: at most 4 bytes. */
  private void relative(int value) {
    immediate(value, Math.min(codeWidth, 4));
  }

  /** The program, to be put at START. */
  byte[] program() {
    long data = codeWidth == 2 ? 0x8000 : base + DATA;
    int loop = code.size();
    load(3, data + random.nextInt(64));
    load(5, data + 256 + random.nextInt(64));
    load(6, data + 512 + random.nextInt(64));
    load(7, random.nextInt(20) == 0 ? base + START + random.nextInt(64) : data + 768);
    load(4, data + 0x3000);
    if (codeWidth == 8) {
      for (int register : BASES) {
        load(8 + register, data + 1024 + random.nextInt(256));
      }
      load(12, random.nextInt(64));
    }
    int count = 3 + random.nextInt(20);
    for (int n = 0; n < count; n++) {
      switch (random.nextInt(12)) {
        case 0 -> forwardJump();
        case 1 -> call();
        case 2 -> familiar();
        default -> instruction();
      }
    }
    // dec [COUNTER]; jnz loop; hlt
    if (codeWidth == 8) {
      bytes(0xFF, 0x0C, 0x25);
    } else {
      bytes(0xFF, codeWidth == 4 ? 0x0D : 0x0E);
    }
    relative(COUNTER);
    bytes(0x0F, 0x85);
    relative(loop - (code.size() + Math.min(codeWidth, 4)));
    bytes(0xF4);
    return code.toByteArray();
  }

  private void forwardJump() {
    ByteArrayOutputStream skipped = new ByteArrayOutputStream();
    for (int n = 0; n <= random.nextInt(3); n++) {
      skipped.writeBytes(one());
    }
    int kind = random.nextInt(20);
    bytes(kind < 16 ? 0x70 + kind : kind == 16 ? 0xEB : 0xE0 + kind - 17, skipped.size());
    code.writeBytes(skipped.toByteArray());
  }

  /** A call over its own function. */
  private void call() {
    byte[] body = one();
    bytes(0xE8);
    relative(2);
    bytes(0xEB, body.length + 1);
    code.writeBytes(body);
    bytes(0xC3);
  }

  /** What compilers write: compare and set, test and move. */
  private void familiar() {
    int r = random.nextInt(3);
    switch (random.nextInt(5)) {
      case 0 ->
          bytes(0x39, 0xC0 | r << 3 | random.nextInt(3), 0x0F, 0x90 + random.nextInt(16), 0xC0);
      case 1 -> bytes(0x85, 0xC0 | r * 9, 0x0F, 0x40 + random.nextInt(16), 0xC2);
      case 2 -> {
        if (codeWidth == 8) {
          bytes(0x48, 0xFF);
        }
        bytes((codeWidth == 8 ? 0xC8 : 0x48) + r, 0x0F, 0x90 + random.nextInt(16), 0xC1);
      }
      case 3 -> bytes(0x50 + r, 0x58 + random.nextInt(3));
      default ->
          bytes(0x11, 0xC0 | r << 3 | random.nextInt(3), 0x0F, 0x90 + random.nextInt(16), 0xC0);
    }
  }

  private void instruction() {
    code.writeBytes(one());
  }

  private byte[] one() {
    while (true) {
      Row row = rows.get(random.nextInt(rows.size()));
      ByteArrayOutputStream text = new ByteArrayOutputStream();
      if (random.nextInt(4) == 0) {
        text.write(0x66);
      }
      if (random.nextInt(24) == 0) {
        text.write(0x67);
      }
      if (random.nextInt(16) == 0) {
        text.write(new int[] {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65}[random.nextInt(6)]);
      }
      if (random.nextInt(64) == 0) {
        text.write(random.nextBoolean() ? 0xF3 : 0xF2);
      }
      int opcode = row.opcode();
      mandatory(row, text);
      if (codeWidth == 8 && random.nextInt(3) != 0) {
        text.write(0x40 | random.nextInt(16));
      }
      if (opcode > 0xFFFF) {
        text.write(opcode >>> 16);
      }
      if (opcode > 0xFF) {
        text.write(opcode >>> 8);
      }
      text.write(opcode & 0xFF);
      if (codeWidth == 8 && opcode >= 0xA0 && opcode <= 0xA3) {
        offset(text);
      } else {
        modrm(text);
      }
      byte[] bytes = text.toByteArray();
      Instruction i = decoder.decode(index -> bytes[index] & 0xFF, codeWidth);
      if (i.row().opcode() == opcode && wanted(i.row()) && i.repeat == 0 | fine(i)) {
        return java.util.Arrays.copyOf(bytes, i.length);
      }
    }
  }

  /** A prefix that makes it the row's instruction and no other's. */
  private static void mandatory(Row row, ByteArrayOutputStream text) {
    for (String prefix : new String[] {"66", "F3", "F2"}) {
      if (row.text().contains(" " + prefix)) {
        text.write(Integer.parseInt(prefix, 16));
      }
    }
  }

  /** Repeated strings only with what cannot run for long: the count is a word. */
  private boolean fine(Instruction i) {
    int opcode = i.row().opcode();
    boolean string = opcode >= 0xA4 && opcode <= 0xA7 || opcode >= 0xAA && opcode <= 0xAF;
    return !string || codeWidth == 2 || i.addressSize == 2;
  }

  /** A plain address of the program's data. */
  private void offset(ByteArrayOutputStream text) {
    long at = base + DATA + random.nextInt(1024);
    for (int n = 0; n < 8; n++) {
      text.write((int) (at >>> 8 * n));
    }
    text.write(random.nextInt(256));
  }

  /** Registers, or memory near BX, BP, SI and DI; then bytes for SIB, displacement, immediate. */
  private void modrm(ByteArrayOutputStream text) {
    int mod = random.nextInt(3) == 0 ? 3 : 1;
    int rm = random.nextInt(8);
    int reg = random.nextInt(8) << 3;
    if (mod == 1 && codeWidth != 2) {
      rm = BASES[random.nextInt(4)];
    }
    if (mod == 1 && codeWidth == 8) {
      switch (random.nextInt(6)) {
        case 0 -> {
          // RIP-relative, to the program's data or close to it.
          text.write(reg | 5);
          int distance = DATA - START - code.size() + random.nextInt(512);
          for (int n = 0; n < 4; n++) {
            text.write(distance >>> 8 * n);
          }
        }
        case 1 -> {
          // No index, or R12 by REX.X.
          text.write(1 << 6 | reg | 4);
          text.write(random.nextInt(4) << 6 | 4 << 3 | rm);
        }
        default -> text.write(mod << 6 | reg | rm);
      }
    } else {
      text.write(mod << 6 | reg | rm);
    }
    for (int n = 0; n < 12; n++) {
      text.write(random.nextInt(3) == 0 ? random.nextInt(8) : random.nextInt(256));
    }
  }
}
