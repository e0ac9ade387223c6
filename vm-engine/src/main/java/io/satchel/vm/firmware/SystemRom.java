package io.satchel.vm.firmware;

import java.util.Arrays;

/**
 * The 64 KiB at F0000h: the stubs, at the addresses that programs know from the IBM PC AT Technical
 * Reference, and the constant tables.
 *
 * <p>The lower half is left to tables that depend on the machine; {@link Bios} writes them into the
 * shadow RAM.
 */
final class SystemRom {

  /**
   * The port whose write calls a service. B2h and B3h are the PIIX4's power management control and
   * status ports; B8h is decoded by nothing on this board.
   */
  static final int PORT = 0xB8;

  static final int SEGMENT = 0xF000;

  /** Physical address of the segment. */
  static final int BASE = 0xF0000;

  /** Room for tables that POST makes: offsets 0 to this. */
  static final int TABLES_END = 0xC000;

  // The addresses of the IBM PC AT's BIOS.
  static final int RESET = 0xE05B;
  static final int NMI = 0xE2C3;
  static final int INT13 = 0xE3FE;
  static final int FIXED_DISK_TABLE = 0xE401;
  static final int CONFIGURATION_TABLE = 0xE6F5;
  static final int INT19 = 0xE6F2;
  static final int INT14 = 0xE739;
  static final int INT16 = 0xE82E;
  static final int INT09 = 0xE987;
  static final int INT40 = 0xEC59;
  static final int INT0E = 0xEF57;
  static final int DISKETTE_TABLE = 0xEFC7;
  static final int INT17 = 0xEFD2;
  static final int INT10 = 0xF065;
  static final int VIDEO_TABLE = 0xF0A4;
  static final int INT12 = 0xF841;
  static final int INT11 = 0xF84D;
  static final int INT15 = 0xF859;
  static final int FONT_8X8 = 0xFA6E;
  static final int INT1A = 0xFE6E;
  static final int INT08 = 0xFEA5;
  static final int VECTORS = 0xFEF3;
  static final int DUMMY = 0xFF53;
  static final int INT05 = 0xFF54;
  static final int START = 0xFFF0;
  static final int DATE = 0xFFF5;
  static final int MODEL = 0xFFFE;

  private static final int RESUME_IF_LENGTH = 8;

  private final byte[] rom = new byte[0x10000];
  private final int[] entries = new int[Trap.values().length];

  // What a service may go on with instead of the code behind its stub.
  final int bootSector;
  final int linux;
  final int multiboot;
  final int memoryTypes;
  final int cachesOn;
  final int boot;
  final int noBoot;
  final int reset;
  final int keyBreak;
  final int keyPrint;
  final int keyPause;
  final int keySystemPressed;
  final int keySystemReleased;
  final int mouseHandler;
  final int rtcAlarm;
  final int spin15;
  final int spinBoot;

  // Interrupt handlers that have no fixed address.
  final int int18;
  final int irqMaster;
  final int irqSlave;
  final int irq9;
  final int irq13;
  final int int70;
  final int int74;
  final int int76;
  final int int77;

  final int apm16;
  final int apm32;
  final int bios32;
  final int pci32;

  SystemRom(byte[] font8x8) {
    Arrays.fill(rom, TABLES_END, rom.length, (byte) 0);
    Assembler code = new Assembler(rom, TABLES_END);

    // The ways on of a program that reset the processor to leave protected mode, by the shutdown
    // status of CMOS (IBM PC AT Technical Reference, BIOS listing TEST1). None may use the stack:
    // memory is the program's.
    int resumeFarAfterEoi = code.here(); // 5
    code.bytes(0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20); // mov al, 20h; out A0h, al; out 20h, al
    int resumeFar = code.here(); // 0Ah
    code.bytes(0xFF, 0x2E, 0x67, 0x04); // jmp far [0467h]
    int resumeMove = code.here(); // 9: the end of INT 15h/87h
    code.bytes(0x0F, 0xB2, 0x26, 0x67, 0x04); // lss sp, [0467h]
    code.bytes(0x1F, 0x07, 0x61, 0xCF); // pop ds; pop es; popa; iret
    int resumeInterrupt = code.here(); // 0Bh
    code.bytes(0x0F, 0xB2, 0x26, 0x67, 0x04, 0xCF); // lss sp, [0467h]; iret
    int resumeCall = code.here(); // 0Ch
    code.bytes(0x0F, 0xB2, 0x26, 0x67, 0x04, 0xCB); // lss sp, [0467h]; retf

    // Reset. Only after POST, which sets the 8042's system flag, can a program have reset the
    // processor. Shutdown status: read and cleared; NMI masked meanwhile.
    int post = code.here();
    code.bytes(0xFA, 0xFC); // cli; cld
    code.bytes(0x31, 0xC0, 0x8E, 0xD8); // xor ax, ax; mov ds, ax
    code.bytes(0xE4, 0x64, 0x24, 0x04, 0x88, 0xC3); // in al, 64h; and al, 4; mov bl, al
    code.bytes(0xB0, 0x8F, 0xE6, 0x70, 0xE4, 0x71); // mov al, 8Fh; out 70h, al; in al, 71h
    code.bytes(0x88, 0xC4, 0xB0, 0x00, 0xE6, 0x71); // mov ah, al; mov al, 0; out 71h, al
    code.bytes(0xB0, 0x0D, 0xE6, 0x70, 0xE4, 0x71); // mov al, 0Dh; out 70h, al; in al, 71h
    code.bytes(0x84, 0xDB, 0x74, 5 * RESUME_IF_LENGTH); // test bl, bl; jz to behind these
    resumeIf(code, 0x05, resumeFarAfterEoi);
    resumeIf(code, 0x09, resumeMove);
    resumeIf(code, 0x0A, resumeFar);
    resumeIf(code, 0x0B, resumeInterrupt);
    resumeIf(code, 0x0C, resumeCall);

    // A stack below the boot sector, then everything in one service.
    code.bytes(0x31, 0xC0, 0x8E, 0xD0, 0x8E, 0xD8, 0x8E, 0xC0); // xor ax, ax; mov ss, ds, es, ax
    code.bytes(0xBC, 0x00, 0x7C); // mov sp, 7C00h
    trap(code, Trap.POST);

    // Memory types (Intel SDM volume 3, 12.11): RAM write-back, the VGA window and what PciSetup
    // places uncached, ROM write-protected. Then, or on a processor without them, the caches on.
    memoryTypes = code.here();
    code.bytes(0x66, 0xB8).dword(0x06060606).bytes(0x66, 0x89, 0xC2); // mov eax; mov edx, eax
    code.bytes(0x66, 0xB9).dword(0x250).bytes(0x0F, 0x30); // mov ecx, 0 to 7FFFFh; wrmsr
    code.bytes(0xB9, 0x58, 0x02, 0x0F, 0x30); // mov cx, 80000h to 9FFFFh; wrmsr
    code.bytes(0x66, 0xB8).dword(0x05050505).bytes(0x66, 0x89, 0xC2);
    code.bytes(0xB9, 0x68, 0x02); // mov cx, the first 4 KiB ranges of C0000h to FFFFFh
    code.bytes(0x0F, 0x30, 0x41, 0x81, 0xF9, 0x70, 0x02, 0x75, 0xF7); // wrmsr; inc cx; loop
    code.bytes(0x66, 0xB8).dword((int) PciSetup.MEMORY_BASE).bytes(0x66, 0x31, 0xD2);
    code.bytes(0xB9, 0x00, 0x02, 0x0F, 0x30); // mov cx, the first range's base; wrmsr
    code.bytes(0x66, 0xB8).dword((int) PciSetup.MEMORY_BASE | 0x800).bytes(0xB2, 0x0F);
    code.bytes(0x41, 0x0F, 0x30); // inc cx: its mask, valid, 36 bits; wrmsr
    code.bytes(0x66, 0xB8).dword(0x0C06).bytes(0xB2, 0x00);
    code.bytes(0xB9, 0xFF, 0x02, 0x0F, 0x30); // mov cx, the default type and enables; wrmsr
    cachesOn = code.here();
    code.bytes(0x0F, 0x20, 0xC0, 0x66, 0x25).dword(0x9FFFFFFF); // mov eax, cr0; and eax, ~CD & ~NW
    code.bytes(0x0F, 0x22, 0xC0); // mov cr0, eax
    boot = code.here();
    code.bytes(0xFA, 0x31, 0xC0, 0x8E, 0xD0, 0xBC, 0x00, 0x7C); // cli; ss:sp = 0:7C00h
    trap(code, Trap.BOOT);
    spinBoot = code.here(); // a wait that is shorter than a tick
    code.bytes(0xFB, 0x90).jump(entry(Trap.BOOT)); // sti; nop; jmp
    noBoot = code.here();
    int18 = noBoot;
    code.bytes(0xFA, 0x31, 0xC0, 0x8E, 0xD0, 0xBC, 0x00, 0x7C); // cli; ss:sp = 0:7C00h
    trap(code, Trap.NO_BOOT);
    reset = code.here();
    code.bytes(0xEA).word(START).word(SEGMENT); // jmp F000h:FFF0h

    // The service has pushed the boot sector's address.
    bootSector = code.here();
    code.bytes(0x31, 0xC0, 0x8E, 0xD8, 0x8E, 0xC0, 0xFB, 0xCB); // ds = es = 0; sti; retf

    // Linux boot protocol: the segment of the real-mode kernel in AX, its stack pointer in BX.
    linux = code.here();
    code.bytes(0xFA, 0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xE0, 0x8E, 0xE8); // cli; ds, es, fs, gs = ax
    code.bytes(0x8E, 0xD0, 0x89, 0xDC); // mov ss, ax; mov sp, bx
    code.bytes(0x05, 0x20, 0x00, 0x50, 0x6A, 0x00, 0xCB); // add ax, 20h; push ax; push 0; retf

    // Multiboot: EBX the information, ECX the entry point.
    int gdt = align(code, 8);
    code.dword(0).dword(0);
    code.dword(0x0000FFFF).dword(0x00CF9A00); // 08h: flat 32-bit code
    code.dword(0x0000FFFF).dword(0x00CF9200); // 10h: flat data
    int gdtr = code.here();
    code.word(23).dword(BASE + gdt);
    multiboot = code.here();
    code.bytes(0xFA, 0x2E, 0x66, 0x0F, 0x01, 0x16).word(gdtr); // cli; o32 lgdt [cs:gdtr]
    code.bytes(0x0F, 0x20, 0xC0, 0x0C, 0x01, 0x0F, 0x22, 0xC0); // mov eax, cr0; or al, 1; mov cr0
    code.bytes(0x66, 0xEA).dword(BASE + code.here() + 6).word(0x08); // jmp 08h:the next byte
    code.bytes(0x66, 0xB8, 0x10, 0x00); // mov ax, 10h
    code.bytes(0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xE0, 0x8E, 0xE8, 0x8E, 0xD0); // ds es fs gs ss = ax
    code.bytes(0xB8).dword(0x2BADB002); // mov eax, 2BADB002h
    code.bytes(0xFF, 0xE1); // jmp ecx

    // IRQ 0: counts, and gives user programs their share. AX, DX and DS are free for INT 1Ch.
    int tick = code.here();
    code.bytes(0x1E, 0x52, 0x50); // push ds; push dx; push ax
    trap(code, Trap.TICK);
    code.bytes(0xB8, 0x40, 0x00, 0x8E, 0xD8, 0xCD, 0x1C, 0xFA); // ds = 40h; int 1Ch; cli
    code.bytes(0xB0, 0x20, 0xE6, 0x20, 0x58, 0x5A, 0x1F, 0xCF); // EOI; pop ax; pop dx; pop ds; iret

    // IRQ 1: the scan code passes INT 15h/4Fh before it is looked at.
    int key = code.here();
    code.bytes(0x50, 0xE4, 0x60); // push ax; in al, 60h
    code.bytes(0xB4, 0x4F, 0xF9, 0xCD, 0x15); // mov ah, 4Fh; stc; int 15h
    code.bytes(0x73, 0x09); // jnc to behind the trap
    trap(code, Trap.KEY);
    code.bytes(0xFA, 0xB0, 0x20, 0xE6, 0x20, 0x58, 0xCF); // cli; EOI; pop ax; iret
    keyBreak = code.here();
    code.bytes(0xFA, 0xB0, 0x20, 0xE6, 0x20); // cli; EOI
    code.bytes(0xCD, 0x1B, 0x58, 0xCF); // int 1Bh; pop ax; iret
    keyPrint = code.here();
    code.bytes(0xFA, 0xB0, 0x20, 0xE6, 0x20); // cli; EOI
    code.bytes(0xCD, 0x05, 0x58, 0xCF); // int 05h; pop ax; iret
    keySystemPressed = code.here();
    code.bytes(0xFA, 0xB0, 0x20, 0xE6, 0x20); // cli; EOI
    code.bytes(0xB8, 0x00, 0x85, 0xCD, 0x15, 0x58, 0xCF); // mov ax, 8500h; int 15h; pop ax; iret
    keySystemReleased = code.here();
    code.bytes(0xFA, 0xB0, 0x20, 0xE6, 0x20); // cli; EOI
    code.bytes(0xB8, 0x01, 0x85, 0xCD, 0x15, 0x58, 0xCF); // mov ax, 8501h; int 15h; pop ax; iret
    keyPause = code.here();
    code.bytes(0xFA, 0xB0, 0x20, 0xE6, 0x20); // cli; EOI
    code.bytes(0x1E, 0x6A, 0x40, 0x1F); // push ds; push 40h; pop ds
    code.bytes(0xFB, 0xF4); // sti; hlt
    code.bytes(0xF6, 0x06, 0x18, 0x00, 0x08, 0x75, 0xF7); // test byte [18h], 8; jnz to the sti
    code.bytes(0x1F, 0x58, 0xCF); // pop ds; pop ax; iret

    // IRQ 6: says so in the recalibrate status.
    int floppy = code.here();
    code.bytes(0x50, 0x1E, 0x6A, 0x40, 0x1F); // push ax; push ds; push 40h; pop ds
    code.bytes(0x80, 0x0E, 0x3E, 0x00, 0x80); // or byte [3Eh], 80h
    code.bytes(0xB0, 0x20, 0xE6, 0x20, 0x1F, 0x58, 0xCF); // EOI; pop ds; pop ax; iret

    int70 = code.here();
    code.bytes(0x50); // push ax
    trap(code, Trap.RTC);
    code.bytes(0xFA, 0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20, 0x58, 0xCF); // cli; EOI; pop ax; iret
    rtcAlarm = code.here();
    code.bytes(0xFA, 0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20); // cli; EOI
    code.bytes(0xCD, 0x4A, 0x58, 0xCF); // int 4Ah; pop ax; iret

    // IRQ 12: when a packet is complete the service has pushed it for the far call.
    int74 = code.here();
    code.bytes(0x66, 0x60, 0x1E, 0x06); // pushad; push ds; push es
    trap(code, Trap.MOUSE);
    int mouseDone = code.here();
    code.bytes(0xFA, 0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20); // cli; EOI
    code.bytes(0x07, 0x1F, 0x66, 0x61, 0xCF); // pop es; pop ds; popad; iret
    mouseHandler = code.here();
    code.bytes(0x6A, 0x40, 0x1F, 0x8E, 0x1E, 0x0E, 0x00); // ds = [40h:0Eh], the EBDA
    code.bytes(0xFF, 0x1E, 0x22, 0x00, 0x83, 0xC4, 0x08); // call far [22h]; add sp, 8
    code.jump(mouseDone);

    // The other interrupt requests.
    irqMaster = code.here();
    code.bytes(0x50, 0xB0, 0x20, 0xE6, 0x20, 0x58, 0xCF); // push ax; EOI; pop ax; iret
    irqSlave = code.here();
    code.bytes(0x50, 0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20, 0x58, 0xCF);
    irq9 = code.here(); // goes on where IRQ 2 was on the PC
    code.bytes(0x50, 0xB0, 0x20, 0xE6, 0xA0, 0x58, 0xCD, 0x0A, 0xCF); // int 0Ah
    irq13 = code.here(); // the x87's error arrives as the PC's NMI
    code.bytes(0x50, 0x30, 0xC0, 0xE6, 0xF0); // push ax; xor al, al; out F0h, al
    code.bytes(0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20, 0x58, 0xCD, 0x02, 0xCF); // EOI; int 02h; iret
    int76 = code.here();
    code.bytes(0x50, 0x1E, 0x6A, 0x40, 0x1F); // push ax; push ds; push 40h; pop ds
    code.bytes(0xC6, 0x06, 0x8E, 0x00, 0xFF); // mov byte [8Eh], FFh: the fixed disk's flag
    code.bytes(0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20, 0x1F, 0x58, 0xCF); // EOI; pop; iret
    int77 = int76;

    int int10 = service(code, Trap.INT10);
    int int13 = service(code, Trap.INT13);
    int int40 = service(code, Trap.INT40);
    int int14 = service(code, Trap.INT14);
    int int16 = service(code, Trap.INT16);
    int int17 = service(code, Trap.INT17);
    int int1A = service(code, Trap.INT1A);
    int int15 = service(code, Trap.INT15);
    spin15 = code.here(); // a wait that is shorter than a tick
    code.bytes(0xFB, 0x90).jump(int15); // sti; nop; jmp

    int int11 = code.here();
    code.bytes(0x1E, 0x6A, 0x40, 0x1F, 0xA1, 0x10, 0x00, 0x1F, 0xCF); // mov ax, [40h:10h]; iret
    int int12 = code.here();
    code.bytes(0x1E, 0x6A, 0x40, 0x1F, 0xA1, 0x13, 0x00, 0x1F, 0xCF); // mov ax, [40h:13h]; iret

    // Print screen: there is no printer; the status byte says that it is not busy.
    int int05 = code.here();
    code.bytes(0x1E, 0x6A, 0x50, 0x1F); // push ds; push 50h; pop ds
    code.bytes(0xC6, 0x06, 0x00, 0x00, 0x00, 0x1F, 0xCF); // mov byte [0], 0; pop ds; iret

    // APM's interface in 16-bit protected mode; the service wants INT 15h's frame.
    apm16 = code.here();
    code.bytes(0x9C, 0x0E, 0x6A, 0x00); // pushf; push cs; push 0
    trap(code, Trap.APM16);
    code.bytes(0x83, 0xC4, 0x04, 0x9D, 0xCB); // add sp, 4; popf; retf

    align(code, 16);
    apm32 = wide(code, Trap.APM32);
    bios32 = wide(code, Trap.BIOS32);
    pci32 = wide(code, Trap.PCI32);
    if (code.here() > RESET) {
      throw new IllegalStateException("the stubs end at %x".formatted(code.here()));
    }

    code.at(RESET).jump(post);
    code.at(NMI).bytes(0xCF); // iret
    code.at(INT13).jump(int13);
    code.at(INT19).jump(boot);
    configurationTable(code.at(CONFIGURATION_TABLE));
    code.at(INT14).jump(int14);
    code.at(INT16).jump(int16);
    code.at(INT09).jump(key);
    code.at(INT40).jump(int40);
    code.at(INT0E).jump(floppy);
    // Diskette parameters, IBM PC AT Technical Reference: 512-byte sectors, 18 a track.
    code.at(DISKETTE_TABLE).bytes(0xAF, 0x02, 0x25, 0x02, 0x12, 0x1B, 0xFF, 0x6C, 0xF6, 0x0F, 0x08);
    code.at(INT17).jump(int17);
    code.at(INT10).jump(int10);
    // INT 1Dh's CRT controller values of the CGA: 40 and 80 columns, graphics, monochrome; lengths.
    code.at(VIDEO_TABLE);
    code.bytes(0x38, 0x28, 0x2D, 0x0A, 0x1F, 6, 0x19, 0x1C, 2, 7, 6, 7, 0, 0, 0, 0);
    code.bytes(0x71, 0x50, 0x5A, 0x0A, 0x1F, 6, 0x19, 0x1C, 2, 7, 6, 7, 0, 0, 0, 0);
    code.bytes(0x38, 0x28, 0x2D, 0x0A, 0x7F, 6, 0x64, 0x70, 2, 1, 6, 7, 0, 0, 0, 0);
    code.bytes(0x61, 0x50, 0x52, 0x0F, 0x19, 6, 0x19, 0x19, 2, 0x0D, 0x0B, 0x0C, 0, 0, 0, 0);
    code.word(0x0800).word(0x1000).word(0x4000).word(0x4000);
    code.bytes(40, 40, 80, 80, 40, 40, 80, 80, 0x2C, 0x28, 0x2D, 0x29, 0x2A, 0x2E, 0x1E, 0x29);
    code.at(INT12).jump(int12);
    code.at(INT11).jump(int11);
    code.at(INT15).jump(int15);
    System.arraycopy(font8x8, 0, rom, FONT_8X8, 128 * 8);
    code.at(INT1A).jump(int1A);
    code.at(INT08).jump(tick);
    code.at(DUMMY).bytes(0xCF); // iret
    code.at(INT05).jump(int05);
    code.at(START).bytes(0xEA).word(RESET).word(SEGMENT); // jmp F000h:E05Bh
    code.at(DATE).text("11/21/26");
    code.at(MODEL).bytes(0xFC); // PC AT
  }

  private void trap(Assembler code, Trap trap) {
    entries[trap.ordinal()] = code.trap(trap);
  }

  /** Goes to {@code target} if AH is {@code status}. */
  private static void resumeIf(Assembler code, int status, int target) {
    code.bytes(0x80, 0xFC, status, 0x75, 0x03).jump(target); // cmp ah, status; jne over the jmp
  }

  /** A service that is called by INT. */
  private int service(Assembler code, Trap trap) {
    trap(code, trap);
    code.bytes(0xCF); // iret
    return entry(trap);
  }

  private int wide(Assembler code, Trap trap) {
    entries[trap.ordinal()] = code.wideTrap(trap);
    code.bytes(0xCB); // retf
    return entry(trap);
  }

  private static int align(Assembler code, int size) {
    code.at(code.here() + size - 1 & -size);
    return code.here();
  }

  /** INT 15h/C0h (IBM PS/2 BIOS Interface Technical Reference). */
  private static void configurationTable(Assembler code) {
    code.word(8); // bytes that follow
    code.bytes(0xFC, 0x00, 0x00); // model PC AT, submodel, revision
    // Second 8259, RTC, INT 15h/4Fh, INT 15h/41h not, EBDA allocated; keyboard by INT 16h/09h.
    code.bytes(0x74, 0x40, 0x00, 0x00, 0x00);
  }

  /** The offset of a service's stub. */
  int entry(Trap trap) {
    return entries[trap.ordinal()];
  }

  /** The 64 KiB, to be copied. */
  byte[] bytes() {
    return rom;
  }
}
