package io.satchel.vm.firmware;

import static io.satchel.vm.firmware.AmlWriter.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The ACPI tables (Advanced Configuration and Power Interface Specification 1.0b, with 2.0's RSDP
 * and XSDT): RSDP, RSDT, XSDT, FADT, FACS, MADT, HPET and DSDT.
 */
final class AcpiTables {

  private static final int HEADER = 36;
  private static final int SCI = 9;
  private static final int SMI_COMMAND = 0xB2;
  private static final int ACPI_ENABLE = 0xF1;
  private static final int ACPI_DISABLE = 0xF0;
  private static final long IO_APIC = 0xFEC0_0000L;
  private static final long LOCAL_APIC = 0xFEE0_0000L;
  private static final long HPET = 0xFED0_0000L;

  /** The RSDP, for the BIOS area. */
  final byte[] rsdp;

  /** Everything else, for {@link MemoryMap#acpiBase}. */
  final byte[] tables;

  /** For {@link MemoryMap#nvsBase}. */
  final byte[] facs;

  /**
   * @param base where {@link #tables} will be
   * @param nvs where {@link #facs} will be
   * @param processors how many
   */
  AcpiTables(long base, long nvs, int processors) {
    facs = facs();
    byte[] dsdt = table("DSDT", 1, dsdt(processors));
    List<byte[]> listed = new ArrayList<>();
    List<Long> addresses = new ArrayList<>();
    long at = base;
    List<byte[]> all = new ArrayList<>();
    all.add(dsdt);
    long dsdtAt = at;
    at = align(at + dsdt.length);
    listed.add(table("FACP", 1, fadt(dsdtAt, nvs)));
    listed.add(table("APIC", 1, madt(processors)));
    listed.add(table("HPET", 1, hpet()));
    for (byte[] table : listed) {
      all.add(table);
      addresses.add(at);
      at = align(at + table.length);
    }
    ByteBuffer pointers = little(4 * addresses.size());
    addresses.forEach(address -> pointers.putInt(address.intValue()));
    byte[] rsdt = table("RSDT", 1, pointers.array());
    all.add(rsdt);
    long rsdtAt = at;
    at = align(at + rsdt.length);
    ByteBuffer wide = little(8 * addresses.size());
    addresses.forEach(wide::putLong);
    byte[] xsdt = table("XSDT", 1, wide.array());
    all.add(xsdt);
    long xsdtAt = at;
    at = align(at + xsdt.length);

    tables = new byte[(int) (at - base)];
    int offset = 0;
    for (byte[] table : all) {
      System.arraycopy(table, 0, tables, offset, table.length);
      offset = (int) align(offset + table.length);
    }
    rsdp = rsdp(rsdtAt, xsdtAt);
  }

  private static long align(long at) {
    return at + 15 & -16;
  }

  private static ByteBuffer little(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** Puts the system description table header in front. */
  private static byte[] table(String signature, int revision, byte[] body) {
    ByteBuffer out = little(HEADER + body.length);
    out.put(ascii(signature)).putInt(HEADER + body.length).put((byte) revision).put((byte) 0);
    out.put(ascii("STCHL ")).put(ascii("SATCHEL ")).putInt(1);
    out.put(ascii("STCL")).putInt(1);
    out.put(body);
    Checksums.fix(out.array(), 0, out.array().length, 9);
    return out.array();
  }

  private static byte[] rsdp(long rsdt, long xsdt) {
    ByteBuffer out = little(36);
    out.put(ascii("RSD PTR ")).put((byte) 0).put(ascii("STCHL ")).put((byte) 2);
    out.putInt((int) rsdt).putInt(36).putLong(xsdt);
    Checksums.fix(out.array(), 0, 20, 8);
    Checksums.fix(out.array(), 0, 36, 32);
    return out.array();
  }

  private static byte[] facs() {
    ByteBuffer out = little(64);
    out.put(ascii("FACS")).putInt(64);
    return out.array();
  }

  private static byte[] fadt(long dsdt, long facs) {
    int base = PciSetup.POWER_BASE;
    ByteBuffer out = little(116 - HEADER);
    out.putInt((int) facs).putInt((int) dsdt);
    out.put((byte) 1); // multiple APIC model, so that both 8259 and I/O APIC may be used
    out.put((byte) 0).putShort((short) SCI).putInt(SMI_COMMAND);
    out.put((byte) ACPI_ENABLE).put((byte) ACPI_DISABLE).put((byte) 0).put((byte) 0);
    out.putInt(base).putInt(0); // PM1a event block, no PM1b
    out.putInt(base + 4).putInt(0).putInt(0); // PM1a control, no PM1b, no PM2
    out.putInt(base + 8); // PM timer
    out.putInt(base + 0x0C).putInt(0); // GPE0
    out.put((byte) 4).put((byte) 2).put((byte) 0).put((byte) 4).put((byte) 4); // lengths
    out.put((byte) 0).put((byte) 0).put((byte) 0);
    out.putShort((short) 0x0FFF).putShort((short) 0x0FFF); // no C2, no C3
    out.putShort((short) 0).putShort((short) 0).put((byte) 0).put((byte) 0);
    out.put((byte) 0).put((byte) 0).put((byte) 0x32); // no alarm day or month; the century byte
    out.putShort((short) 3).put((byte) 0); // legacy devices, 8042
    // WBINVD works, C1, power button is a fixed feature, sleep button is not, no fixed RTC wake.
    out.putInt(1 | 1 << 2 | 1 << 5 | 1 << 6);
    return out.array();
  }

  private static byte[] madt(int processors) {
    ByteBuffer out = little(1024);
    out.putInt((int) LOCAL_APIC).putInt(1); // with 8259s
    for (int i = 0; i < processors; i++) {
      out.put((byte) 0).put((byte) 8).put((byte) i).put((byte) i).putInt(1);
    }
    out.put((byte) 1).put((byte) 12).put((byte) processors).put((byte) 0);
    out.putInt((int) IO_APIC).putInt(0);
    override(out, 0, 2, 0); // the timer is on input 2
    override(out, SCI, SCI, 0x0D); // level, active high
    for (int line : new int[] {5, 10, 11}) {
      override(out, line, line, 0x0D);
    }
    out.put((byte) 4)
        .put((byte) 6)
        .put((byte) 0xFF)
        .putShort((short) 0)
        .put((byte) 1); // LINT1: NMI
    byte[] body = new byte[out.position()];
    out.flip().get(body);
    return body;
  }

  private static void override(ByteBuffer out, int isa, int input, int flags) {
    out.put((byte) 2).put((byte) 10).put((byte) 0).put((byte) isa);
    out.putInt(input).putShort((short) flags);
  }

  private static byte[] hpet() {
    ByteBuffer out = little(20);
    out.putInt(0x8086_A201).put((byte) 0).put((byte) 64).put((byte) 0).put((byte) 0).putLong(HPET);
    out.put((byte) 0).putShort((short) 0x0080).put((byte) 0);
    return out.array();
  }

  // The DSDT.

  private static byte[] dsdt(int processors) {
    List<byte[]> routing = new ArrayList<>();
    for (int device = 1; device < 32; device++) {
      for (int pin = 0; pin < 4; pin++) {
        String link = "LNK" + (char) ('A' + PciSetup.link(device, pin + 1));
        routing.add(
            packageOf(integer((long) device << 16 | 0xFFFF), integer(pin), name(link), integer(0)));
      }
    }
    byte[] host =
        device(
            "PCI0",
            named("_HID", eisaId("PNP0A03")),
            named("_UID", integer(0)),
            named(
                "_CRS",
                resources(
                    busRange(0xFF),
                    ioPorts(0xCF8, 8),
                    portRange(0x0000, 0x0CF7),
                    portRange(0x0D00, 0xFFFF),
                    memoryRange(0xA_0000, 0xB_FFFF),
                    memoryRange(PciSetup.MEMORY_BASE, PciSetup.MEMORY_END - 1))),
            named("_PRT", packageOf(routing.toArray(byte[][]::new))),
            device("PX13", named("_ADR", integer(0x0001_0003)), named("_STA", integer(0x0F))),
            device(
                "ISA_",
                named("_ADR", integer(0x0001_0000)),
                pciRegion("P40C", 0x60, 4),
                byteFields("P40C", "PRQA", "PRQB", "PRQC", "PRQD"),
                isaDevices()));
    return join(
        scope("\\_SB", host, link('A'), link('B'), link('C'), link('D')),
        named("\\PICF", integer(0)),
        method("\\_PIC", 1, false, store(ARG0, name("PICF"))),
        // SLP_TYPa and SLP_TYPb of soft off.
        named("\\_S5", packageOf(integer(0), integer(0), integer(0), integer(0))),
        scope("\\_PR", processors(processors)));
  }

  /** ProcessorOp by number, no P_BLK. */
  private static byte[] processors(int count) {
    byte[] all = {};
    for (int i = 0; i < count; i++) {
      byte[] body = join(name("CPU" + i), new byte[] {(byte) i, 0, 0, 0, 0, 0});
      all = join(all, new byte[] {0x5B, (byte) 0x83, (byte) (body.length + 1)}, body);
    }
    return all;
  }

  /** An interrupt link device: which ISA interrupt one of PIIX3's PIRQ registers names. */
  private static byte[] link(char letter) {
    byte[] register = name("\\_SB.PCI0.ISA.PRQ" + letter);
    byte[] template = resources(interrupts(0));
    return device(
        "LNK" + letter,
        named("_HID", eisaId("PNP0C0F")),
        named("_UID", integer(letter - 'A' + 1)),
        named("_PRS", resources(interrupts(5, 10, 11))),
        // Bit 7 of the register disables the routing.
        method(
            "_STA",
            0,
            false,
            and(register, integer(0x80), LOCAL0),
            when(LOCAL0, returns(integer(0x09))),
            returns(integer(0x0B))),
        method("_DIS", 0, false, or(register, integer(0x80), register)),
        method(
            "_CRS",
            0,
            true,
            named("RES_", template),
            dwordField(name("RES_"), 5, "INTN"),
            and(register, integer(0x0F), name("INTN")),
            returns(name("RES_"))),
        method("_SRS", 1, true, dwordField(ARG0, 5, "INTN"), store(name("INTN"), register)));
  }

  private static byte[] isa(String name, String id, byte[]... resources) {
    return device(name, named("_HID", eisaId(id)), named("_CRS", resources(resources)));
  }

  private static byte[] isaDevices() {
    return join(
        isa("PIC_", "PNP0000", ioPorts(0x20, 2), ioPorts(0xA0, 2), ioPorts(0x4D0, 2), irq(2)),
        isa("TMR_", "PNP0100", ioPorts(0x40, 4), irq(0)),
        isa("DMAC", "PNP0200", ioPorts(0x00, 16), ioPorts(0x81, 15), ioPorts(0xC0, 32), dma(4)),
        isa("RTC_", "PNP0B00", ioPorts(0x70, 2), irq(8)),
        isa("SPKR", "PNP0800", ioPorts(0x61, 1)),
        isa("HPET", "PNP0103", fixedMemory(HPET, 0x400, false)),
        isa("FPU_", "PNP0C04", ioPorts(0xF0, 16), irq(13)),
        isa("KBD_", "PNP0303", ioPorts(0x60, 1), ioPorts(0x64, 1), irq(1)),
        isa("MOU_", "PNP0F13", irq(12)),
        isa("FDC0", "PNP0700", ioPorts(0x3F2, 4), ioPorts(0x3F7, 1), irq(6), dma(2)),
        device(
            "COM1",
            named("_HID", eisaId("PNP0501")),
            named("_UID", integer(1)),
            named("_CRS", resources(ioPorts(0x3F8, 8), irq(4)))),
        // The power management ports belong to the board.
        device(
            "SYSR",
            named("_HID", eisaId("PNP0C02")),
            named(
                "_CRS",
                resources(
                    ioPorts(PciSetup.POWER_BASE, 0x40),
                    ioPorts(SystemRom.PORT, 1),
                    ioPorts(SMI_COMMAND, 2),
                    ioPorts(0x92, 1)))));
  }
}
