package io.satchel.app.demo;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.crypt.Secrets;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/** Raw disks for tests, with a boot program of a few lines. */
public final class BootSectors {

  private static final int SIGNATURE = 510;
  private static final int DISK = 64 * 1024;

  /** Prints AL in teletype fashion. */
  private static final String PUT =
      """
      put:    mov ah, 0x0e
              mov bx, 7
              int 0x10
              ret
      """;

  private static final String REST =
      """
      rest:   sti
              hlt
              jmp rest
      """;

  private BootSectors() {}

  /** Says N, or K when it has been here before, then leaves a mark on the disk and says W. */
  public static final String WRITER =
      """
              mov ax, 0x0201
              mov cx, 2
              mov dh, 0
              mov bx, 0x8000
              int 0x13
              mov si, 0x8000
              lodsb
              cmp al, 'X'
              je known
              mov al, 'N'
              call put
              jmp mark
      known:  mov al, 'K'
              call put
      mark:   mov al, 'X'
              mov di, 0x8000
              stosb
              mov ax, 0x0301
              mov cx, 2
              mov dh, 0
              mov bx, 0x8000
              int 0x13
              mov al, 'W'
              call put
      """
          + REST
          + PUT;

  /**
   * Shows a tilde, then sends what is typed to port E9h and the serial port; Enter ends the run by
   * the exit port.
   */
  public static final String ECHO =
      """
              mov al, '~'
              call put
      next:   mov ah, 0
              int 0x16
              mov dx, 0xe9
              out dx, al
              mov dx, 0x3f8
              out dx, al
              cmp al, 13
              jne next
              mov dx, 0xf4
              mov al, 5
              out dx, al
      """
          + REST
          + PUT;

  /** Shows a tilde, then what is typed; each key is also written to the disk. */
  public static final String TYPEWRITER =
      """
              mov al, '~'
              call put
      next:   mov ah, 0
              int 0x16
              mov di, 0x8000
              stosb
              call put
              mov ax, 0x0301
              mov cx, 2
              mov dh, 0
              mov bx, 0x8000
              int 0x13
              jmp next
      """
          + PUT;

  /**
   * Loads an interrupt table of two bytes and interrupts: a fault within a fault within a fault.
   */
  public static final String CRASH =
      """
              mov al, 'C'
              call put
              cli
              db 0x0f, 0x01, 0x1e
              dw table
              int 3
      """
          + REST
          + PUT
          + """
          table:  dw 1, 0, 0
          """;

  /** A small raw disk that starts {@code source}; DS and ES are 0. */
  public static Path disk(Path file, String source) throws IOException {
    byte[] program =
        Assembler16.assemble(
            """
                    org 0x7c00
                    cli
                    mov ax, 0
                    mov ds, ax
                    mov es, ax
                    mov ss, ax
                    mov sp, 0x7c00
                    sti
                    cld
            """
                + source);
    if (program.length > SIGNATURE) {
      throw new IllegalArgumentException("the program does not fit into a boot sector");
    }
    byte[] disk = Arrays.copyOf(program, DISK);
    disk[SIGNATURE] = 0x55;
    disk[SIGNATURE + 1] = (byte) 0xAA;
    return Files.write(file, disk);
  }

  /** The demonstration machine's image, copied to {@code file}. */
  public static Path demonstration(Path file) throws IOException {
    return Files.copy(DemoImage.unpack(), file);
  }

  /** A qcow2 image that is encrypted with {@code phrase}; it holds the disk of {@link #WRITER}. */
  public static Path encrypted(Path file, String phrase) throws IOException {
    byte[] secret = phrase.getBytes(StandardCharsets.UTF_8);
    Map<String, String> options =
        Map.of("encrypt.format", "luks", "encrypt.key-secret", "one", "encrypt.iter-time", "10");
    Images.create(file, "qcow2", DISK, options, new Secrets(Map.of("one", secret)));
    Path plain = disk(Files.createTempFile("plain", ".img"), WRITER);
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting().withPassphrase(secret))) {
      image.device().write(0, ByteBuffer.wrap(Files.readAllBytes(plain)));
    } finally {
      Files.delete(plain);
    }
    return file;
  }

  /** The first sectors of an empty FAT12 volume of so many bytes (at most 16 MiB). */
  public static ByteBuffer fat12(int bytes) {
    int sectors = bytes / 512;
    ByteBuffer b = ByteBuffer.allocate(33 * 512 + 32 * 512).order(ByteOrder.LITTLE_ENDIAN);
    b.put(0, new byte[] {(byte) 0xEB, 0x3C, (byte) 0x90}).put(3, "SATCHEL ".getBytes(US_ASCII));
    b.putShort(11, (short) 512).put(13, (byte) 4).putShort(14, (short) 1).put(16, (byte) 2);
    b.putShort(17, (short) 512).putShort(19, (short) sectors).put(21, (byte) 0xF8);
    b.putShort(22, (short) 16).putShort(24, (short) 32).putShort(26, (short) 2);
    b.put(36, (byte) 0x80).put(38, (byte) 0x29).put(43, "EMPTY      ".getBytes(US_ASCII));
    b.put(54, "FAT12   ".getBytes(US_ASCII)).putShort(SIGNATURE, (short) 0xAA55);
    for (int fat = 1; fat <= 17; fat += 16) {
      b.put(fat * 512, new byte[] {(byte) 0xF8, (byte) 0xFF, (byte) 0xFF});
    }
    return b;
  }
}
