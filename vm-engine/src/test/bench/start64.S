/* Entered in 64-bit code with paging on: what start.S does behind its mode switch. */
    .section .text
    .globl _start
_start:
    movq $stack_top, %rsp
    fninit
    movb $'S', %al
    outb %al, $0xe9
    call bench
    movl %eax, %ebx
    movb $'E', %al
    outb %al, $0xe9
    movl %ebx, %edi
    call puthex
    movb $'\n', %al
    outb %al, $0xe9
    movl $0, %eax
    outl %eax, $0xf4
1:  hlt
    jmp 1b
    .bss
    .align 4096
stack: .skip 65536
stack_top:
