package io.satchel.vm.machine;

import io.satchel.vm.host.MemoryDisk;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A guest that fills memory and then writes to it without end, for saving under load: of four pages
 * one stays zeros, one is like others, two hold pseudo-random nibbles. When memory is filled it
 * writes an R to port E9h; then it counts in one doubleword a page, page after page, from 1 MiB on
 * to a quarter of the memory.
 *
 * <pre>
 *         protected mode, flat; edi = 100000h, ebx = 1
 *   page: by edi / 4096 modulo 4: 0 zeros, 1 rep stosd of 12345678h, else ebx = ebx * 1664525 +
 *         1013904223, stosd of ebx and 0F0F0F0Fh
 *         until edi reaches the end; out 0E9h, 'R'
 *   run:  inc dword [edi], edi += 4096, a pause of 2,000 loops; around
 * </pre>
 */
final class LoadGuest {

  private static final String CODE =
      "fa31c08ed8e4920c02e6920f0116967c0f20c00c010f22c0ea1d7c080066b810008ed88ec0bf00001000bb01000000"
          + "89f8c1e80cb90004000083e003742848741c69db0d66190081c35ff36e3c89d8250f0f0f0f890783c704e2e6"
          + "eb0fb878563412f3abeb0681c70010000081ff0000001072bbb052e6e9bf00001000ff0781c700100000"
          + "b9d0070000e2fe81ff0000000472e9ebe21700a07c0000909090900000000000000000ffff0000009acf00"
          + "ffff00000092cf00";

  private static final int FILL_END = 0x6E;
  private static final int RUN_END = 0x8E;

  private LoadGuest() {}

  /** A write-protected floppy with it. */
  static MemoryDisk floppy(int filledBytes) {
    MemoryDisk floppy = new MemoryDisk(1_474_560, true);
    byte[] code = BootRig.bytes(CODE);
    ByteBuffer fields = ByteBuffer.wrap(code).order(ByteOrder.LITTLE_ENDIAN);
    fields.putInt(FILL_END, filledBytes).putInt(RUN_END, filledBytes / 4);
    System.arraycopy(code, 0, floppy.bytes, 0, code.length);
    floppy.bytes[510] = 0x55;
    floppy.bytes[511] = (byte) 0xAA;
    return floppy;
  }
}
