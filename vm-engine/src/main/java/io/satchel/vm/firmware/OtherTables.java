package io.satchel.vm.firmware;

import io.satchel.vm.bus.PciFunction;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.TreeSet;

/**
 * The older tables in the BIOS area: $PIR (Microsoft PCI IRQ Routing Table Specification 1.0), MP
 * (Intel MultiProcessor Specification 1.4), SMBIOS (System Management BIOS Reference Specification
 * 2.4) and the BIOS32 directory.
 */
final class OtherTables {

  private static final int SLOTS = 8;
  private static final int PIRQ_MASK = 1 << 5 | 1 << 10 | 1 << 11;

  private OtherTables() {}

  private static ByteBuffer little(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] filled(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.position()];
    buffer.flip().get(bytes);
    return bytes;
  }

  /** The slot entries of $PIR: bus, device, then link and interrupt mask a pin. */
  static byte[] routing() {
    ByteBuffer out = little(16 * SLOTS);
    for (int device = 1; device <= SLOTS; device++) {
      out.put((byte) 0).put((byte) (device << 3));
      for (int pin = 1; pin <= 4; pin++) {
        // The link value is the PIIX3's PIRQ register.
        out.put((byte) (0x60 + PciSetup.link(device, pin))).putShort((short) PIRQ_MASK);
      }
      out.put((byte) (device <= 2 ? 0 : device - 2)).put((byte) 0);
    }
    return out.array();
  }

  static byte[] pir() {
    byte[] slots = routing();
    ByteBuffer out = little(32 + slots.length);
    out.put(ascii("$PIR")).putShort((short) 0x0100).putShort((short) (32 + slots.length));
    out.put((byte) 0).put((byte) PciSetup.SOUTH_BRIDGE); // the router: 0:1.0
    out.putShort((short) 0); // no interrupt is PCI's alone
    out.putInt(0x7000_8086); // as the PIIX3 is
    out.putInt(0).position(32).put(slots);
    Checksums.fix(out.array(), 0, out.array().length, 31);
    return out.array();
  }

  static byte[] bios32(int entry) {
    ByteBuffer out = little(16);
    out.put(ascii("_32_")).putInt(entry).put((byte) 0).put((byte) 1);
    Checksums.fix(out.array(), 0, 16, 10);
    return out.array();
  }

  /**
   * The MP floating pointer and, behind it, the configuration table.
   *
   * @param address where they will be
   * @param signature CPUID leaf 1's EAX
   * @param features its EDX
   */
  static byte[] mp(
      long address, int processors, int signature, int features, List<PciFunction> functions) {
    ByteBuffer out = little(4096);
    out.put(ascii("_MP_")).putInt((int) address + 16).put((byte) 1).put((byte) 4).position(16);

    int table = 16;
    out.position(table + 44);
    int entries = 0;
    for (int i = 0; i < processors; i++) {
      out.put((byte) 0).put((byte) i).put((byte) 0x14).put((byte) (i == 0 ? 3 : 1));
      out.putInt(signature).putInt(features).putLong(0);
      entries++;
    }
    int ioApic = processors;
    out.put((byte) 1).put((byte) 0).put(ascii("PCI   "));
    out.put((byte) 1).put((byte) 1).put(ascii("ISA   "));
    out.put((byte) 2).put((byte) ioApic).put((byte) 0x20).put((byte) 1).putInt(0xFEC0_0000);
    entries += 3;
    // PCI interrupts: bus 0, device and pin; level, active high as the PIIX3 inverts them.
    TreeSet<Integer> done = new TreeSet<>();
    for (PciFunction function : functions) {
      int pin = function.readConfig(PciFunction.INTERRUPT_PIN, 1) & 0xFF;
      int device = function.number() >>> 3;
      if (pin >= 1 && pin <= 4 && device != 1 && done.add(device << 2 | pin - 1)) {
        int line = PciSetup.PIRQ[PciSetup.link(device, pin)];
        interrupt(out, 3, 0, 0x0D, 0, device << 2 | pin - 1, ioApic, line);
        entries++;
      }
    }
    for (int line = 0; line < 16; line++) {
      if (line == 2 || line == 10 || line == 11) {
        continue; // the cascade and PCI's
      }
      interrupt(out, 3, 0, line == 9 ? 0x0D : 0, 1, line, ioApic, line == 0 ? 2 : line);
      entries++;
    }
    interrupt(out, 4, 3, 0, 1, 0, 0xFF, 0); // LINT0: the 8259s
    interrupt(out, 4, 1, 0, 1, 0, 0xFF, 1); // LINT1: NMI
    entries += 2;
    int end = out.position();
    out.position(table).put(ascii("PCMP")).putShort((short) (end - table)).put((byte) 4);
    out.put((byte) 0).put(ascii("SATCHEL ")).put(ascii("PC          ")).putInt(0);
    out.putShort((short) 0).putShort((short) entries).putInt(0xFEE0_0000).putInt(0);
    out.position(end);
    byte[] bytes = filled(out);
    Checksums.fix(bytes, 0, 16, 10);
    Checksums.fix(bytes, table, end - table, table + 7);
    return bytes;
  }

  private static void interrupt(
      ByteBuffer out, int entry, int type, int flags, int bus, int source, int apic, int input) {
    out.put((byte) entry).put((byte) type).putShort((short) flags);
    out.put((byte) bus).put((byte) source).put((byte) apic).put((byte) input);
  }

  // SMBIOS.

  private static final class Structures {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private int count;
    private int largest;

    void add(int type, byte[] formatted, String... strings) {
      add(0, type, formatted, strings);
    }

    /** The handle is the type and, in its lower half, a number. */
    void add(int number, int type, byte[] formatted, String... strings) {
      ByteBuffer out = little(4 + formatted.length + 512);
      out.put((byte) type)
          .put((byte) (4 + formatted.length))
          .putShort((short) (type << 8 | number));
      out.put(formatted);
      for (String string : strings) {
        out.put(ascii(string)).put((byte) 0);
      }
      out.put((byte) 0);
      if (strings.length == 0) {
        out.put((byte) 0);
      }
      byte[] structure = filled(out);
      bytes.writeBytes(structure);
      largest = Math.max(largest, structure.length);
      count++;
    }
  }

  /** The entry point and, 32 bytes behind it, the structures. */
  static byte[] smbios(
      long address, long ramBytes, String processor, int processors, int signature, int features) {
    Structures table = new Structures();
    ByteBuffer bios = little(20);
    bios.put((byte) 1).put((byte) 2).putShort((short) 0xF000).put((byte) 3).put((byte) 0);
    // PCI, APM, shadowing, boot from CD, selectable boot, EDD.
    bios.putLong(1L << 7 | 1L << 10 | 1L << 12 | 1L << 15 | 1L << 16 | 1L << 19);
    bios.put((byte) 1).put((byte) 0).put((byte) 0xFF).put((byte) 0xFF);
    bios.put((byte) 0xFF).put((byte) 0xFF);
    table.add(0, bios.array(), "Satchel", "1.0", "11/21/2026");

    ByteBuffer system = little(23);
    system.put((byte) 1).put((byte) 2).put((byte) 0).put((byte) 0);
    system.put(new byte[16]).put((byte) 6).put((byte) 0).put((byte) 0); // woken by the power switch
    system.position(21);
    table.add(1, system.array(), "Satchel", "Standard PC");

    ByteBuffer chassis = little(9);
    chassis.put((byte) 1).put((byte) 3).put((byte) 0).put((byte) 0).put((byte) 0); // desktop
    chassis.put((byte) 3).put((byte) 3).put((byte) 3).put((byte) 2);
    table.add(3, chassis.array(), "Satchel");

    ByteBuffer cpu = little(31);
    cpu.put((byte) 1).put((byte) 3).put((byte) 1).put((byte) 2); // socket, CPU, other family
    cpu.putInt(signature).putInt(features).put((byte) 3).put((byte) 0);
    cpu.putShort((short) 0).putShort((short) 1000).putShort((short) 1000);
    cpu.put((byte) 0x41).put((byte) 1); // enabled; no upgrade known
    cpu.putShort((short) 0xFFFF).putShort((short) 0xFFFF).putShort((short) 0xFFFF);
    cpu.put((byte) 0).put((byte) 0).put((byte) 0);
    for (int i = 0; i < processors; i++) {
      table.add(i, 4, cpu.array(), "CPU " + i, "Satchel", processor);
    }

    ByteBuffer array = little(11);
    array.put((byte) 3).put((byte) 3).put((byte) 3); // on the board, system memory, no ECC
    array.putInt((int) (ramBytes >> 10)).putShort((short) 0xFFFE).putShort((short) 1);
    table.add(16, array.array());

    ByteBuffer module = little(23);
    module.putShort((short) (16 << 8)).putShort((short) 0xFFFE);
    module.putShort((short) 64).putShort((short) 64).putShort((short) (ramBytes >> 20));
    module.put((byte) 9).put((byte) 0).put((byte) 1).put((byte) 0); // DIMM
    module.put((byte) 7).putShort((short) 4).putShort((short) 0);
    module.put(new byte[4]);
    table.add(17, module.array(), "DIMM 0");

    ByteBuffer mapped = little(11);
    mapped.putInt(0).putInt((int) ((ramBytes >> 10) - 1)).putShort((short) (16 << 8));
    mapped.put((byte) 1);
    table.add(19, mapped.array());

    table.add(32, new byte[7]); // no boot errors
    table.add(127, new byte[0]);

    byte[] structures = table.bytes.toByteArray();
    ByteBuffer out = little(32 + structures.length);
    out.put(ascii("_SM_")).put((byte) 0).put((byte) 0x1F).put((byte) 2).put((byte) 4);
    out.putShort((short) table.largest).put((byte) 0).put(new byte[5]);
    out.put(ascii("_DMI_")).put((byte) 0).putShort((short) structures.length);
    out.putInt((int) address + 32).putShort((short) table.count).put((byte) 0x24);
    out.position(32).put(structures);
    byte[] bytes = out.array();
    Checksums.fix(bytes, 16, 15, 21);
    Checksums.fix(bytes, 0, 0x1F, 4);
    return bytes;
  }
}
