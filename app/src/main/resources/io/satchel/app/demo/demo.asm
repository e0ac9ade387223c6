; The demonstration machine. The boot sector loads the program behind it; the program shows a text screen,
; then a picture in which the mouse paints and keys write. Esc goes back to the text.

        org 0x7c00

sectors equ 12                  ; of program behind the boot sector
program equ 0x7e00

boot:   cli
        mov ax, 0
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        sti
        cld
        mov [drive], dl
        mov si, packet          ; EDD, INT 13h AH=42h
        mov ah, 0x42
        int 0x13
        jc failed
        jmp program
failed: mov si, message
next:   lodsb
        cmp al, 0
        je stop
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        jmp next
stop:   hlt
        jmp stop

message: db "The demonstration program could not be read.", 0
drive:  db 0
packet: db 16, 0
        dw sectors, program, 0, 1, 0, 0, 0
        times 0x7dbe-$ db 0
        db 0x80, 0, 2, 0, 0xda, 0, 14, 0    ; one partition, so that the image is a plain disk to any tool
        dw 1, 0, 255, 0
        times 0x7dfe-$ db 0
        db 0x55, 0xaa

; ---------------------------------------------------------------------------------------------------------
; The text screen.

start:  mov ax, 3
        int 0x10
        mov ax, 0x1003          ; bright backgrounds instead of blinking
        mov bl, 0
        int 0x10
        mov ah, 1               ; no cursor
        mov cx, 0x2000
        int 0x10

        mov ax, 0xb800
        mov es, ax
        mov di, 0               ; a blue screen
        mov cx, 2000
        mov ax, 0x1f20
        rep stosw
        mov di, 160             ; and a band with all sixteen colours
        mov dx, 0
band:   mov cx, 5
        mov ah, dl
        shl ah, 4
        mov al, ' '
        rep stosw
        inc dx
        cmp dx, 16
        jb band

        mov si, title
        mov di, 686
        mov ah, 0x1e
        call put
        mov si, line1
        mov di, 1126
        mov ah, 0x1f
        call put
        mov si, line2
        mov di, 1446
        call put
        mov si, line3
        mov di, 1766
        call put
        mov si, line4
        mov di, 2086
        call put
        mov si, line5
        mov di, 2726
        mov ah, 0x2f
        call put

clock:  call time               ; the time of day ticks while it waits
        mov ah, 1
        int 0x16
        jne pressed
        hlt
        jmp clock
pressed: mov ah, 0
        int 0x16
        cmp al, 27
        je clock
        jmp picture

; Writes the zero-ended text at SI to ES:DI in colour AH.
put:    lodsb
        cmp al, 0
        je put_end
        stosw
        jmp put
put_end: ret

; Shows the clock's hours, minutes and seconds at the lower right.
time:   mov ah, 2
        int 0x1a
        mov di, 3820
        mov al, ch
        call pair
        mov al, ':'
        call glyph
        mov al, cl
        call pair
        mov al, ':'
        call glyph
        mov al, dh
        call pair
        ret
pair:   mov bl, al              ; two BCD digits
        shr al, 4
        add al, '0'
        call glyph
        mov al, bl
        and al, 15
        add al, '0'
glyph:  mov ah, 0x1b
        stosw
        ret

; ---------------------------------------------------------------------------------------------------------
; The picture, 320x200 in 256 colours.

picture: mov ax, 0x13
        int 0x10
        mov ax, 0xa000
        mov es, ax

        mov bx, 32              ; a palette of 189 hues: red to green, green to blue, blue to red
        mov ch, 63              ; red
        mov cl, 0               ; green
        mov dl, 0               ; blue
hue:    call colour
        cmp bx, 95
        jae hue2
        inc cl
        dec ch
        jmp hue_end
hue2:   cmp bx, 158
        jae hue3
        inc dl
        dec cl
        jmp hue_end
hue3:   inc ch
        dec dl
hue_end: inc bx
        cmp bx, 221
        jb hue

        mov di, 0               ; diagonal bands
        mov dx, 0               ; y
row:    mov cx, 0               ; x
pixel:  mov ax, cx
        add ax, dx
        shr ax, 1
again:  cmp ax, 189
        jb inside
        sub ax, 189
        jmp again
inside: add ax, 32
        stosb
        inc cx
        cmp cx, 320
        jb pixel
        inc dx
        cmp dx, 200
        jb row

        mov di, 2560            ; a dark bar for the text that is typed
        mov cx, 3840
        mov al, 0
        rep stosb
        mov ah, 2
        mov bh, 0
        mov dx, 0x0101
        int 0x10
        mov si, hint
write:  lodsb
        cmp al, 0
        je mouse
        call letter
        jmp write

mouse:  mov word [mouse_x], 160
        mov word [mouse_y], 100
        mov byte [buttons], 0
        mov byte [moved], 0
        push es
        mov ax, 0
        mov es, ax
        mov ax, 0xc205          ; INT 15h C2: the pointing device's interface
        mov bh, 3
        int 0x15
        mov ax, 0xc207
        mov bx, handler
        int 0x15
        mov ax, 0xc200
        mov bh, 1
        int 0x15
        pop es
        call cross

wait:   cmp byte [moved], 0
        je keys
        mov byte [moved], 0
        call cross              ; takes the old one away
        mov ax, [new_x]
        mov [mouse_x], ax
        mov ax, [new_y]
        mov [mouse_y], ax
        test byte [buttons], 3
        je no_paint
        call paint
no_paint: call cross
keys:   mov ah, 1
        int 0x16
        jne key
        hlt
        jmp wait
key:    mov ah, 0
        int 0x16
        cmp al, 27
        je leave
        cmp al, 13
        je key_home
        cmp al, 32
        jb wait
        call letter
        jmp wait
key_home: mov ah, 2
        mov bh, 0
        mov dx, 0x0101
        int 0x10
        jmp wait
leave:  mov ax, 0xc200
        mov bh, 0
        int 0x15
        mov ax, 0
        mov es, ax
        jmp start

; Writes the character AL at the cursor, in a colour of its own.
letter: mov ah, 0x0e
        mov bh, 0
        mov bl, [pen]
        int 0x10
        inc byte [pen]
        and byte [pen], 15
        or byte [pen], 8
        ret

; Sets palette entry BX to CH, CL, DL.
colour: mov al, bl
        push dx
        mov dx, 0x3c8
        out dx, al
        inc dx
        mov al, ch
        out dx, al
        mov al, cl
        out dx, al
        pop ax
        push ax
        out dx, al
        pop dx
        ret

; Inverts a cross of 9 by 9 pixels around the pointer.
cross:  call place
        mov bx, di
        sub bx, 4
        mov cx, 9
cross1: mov al, [es_byte]
        call invert
        inc bx
        dec cx
        jne cross1
        mov bx, di
        sub bx, 1280
        mov cx, 9
cross2: call invert
        add bx, 320
        dec cx
        jne cross2
        ret

; Inverts the pixel at ES:BX.
invert: push ds
        push es
        pop ds
        xor byte [bx], 0x0f
        pop ds
        ret

; A block of 3 by 3 in white (left button) or black (right button).
paint:  call place
        mov al, 15
        test byte [buttons], 1
        jne paint1
        mov al, 0
paint1: sub di, 321
        mov dx, 3
paint2: mov cx, 3
        rep stosb
        add di, 317
        dec dx
        jne paint2
        ret

; The pointer's place in video memory, in DI.
place:  mov ax, [mouse_y]
        mov bx, 320
        mul bx
        add ax, [mouse_x]
        mov di, ax
        ret

; The BIOS calls this for every packet: status, x, y, z as words above the far return address.
handler: push bp
        mov bp, sp
        push ax
        push bx
        push ds
        mov ax, 0
        mov ds, ax
        mov al, [bp+12]
        mov [buttons], al
        mov al, [bp+10]
        cbw
        test byte [bp+12], 0x10
        je right
        mov ah, 0xff
        jmp x_known
right:  mov ah, 0
x_known: add ax, [mouse_x]
        cmp ax, 5
        jge x_low
        mov ax, 5
x_low:  cmp ax, 314
        jle x_high
        mov ax, 314
x_high: mov [new_x], ax
        mov al, [bp+8]
        mov ah, 0
        test byte [bp+12], 0x20
        je up
        mov ah, 0xff
up:     neg ax
        add ax, [mouse_y]
        cmp ax, 26
        jge y_low
        mov ax, 26
y_low:  cmp ax, 194
        jle y_high
        mov ax, 194
y_high: mov [new_y], ax
        mov byte [moved], 1
        pop ds
        pop bx
        pop ax
        pop bp
        retf

pen:    db 9
buttons: db 0
moved:  db 0
es_byte: db 0
mouse_x: dw 160
mouse_y: dw 100
new_x:  dw 160
new_y:  dw 100

title:  db "Satchel demonstration machine", 0
line1:  db "This is an old computer, running inside a program on yours.", 0
line2:  db "Its processor, screen, keyboard, mouse and disk are all made of software.", 0
line3:  db "It started from a disk image, as every computer here does.", 0
line4:  db "To run one of your own, open a qcow2, ISO or floppy image.", 0
line5:  db " Press a key to see a picture, to paint with the mouse and to type. ", 0
hint:   db "Drag to paint, type. Esc: back ", 0
        times 0x7e00+0x1800-$ db 0
