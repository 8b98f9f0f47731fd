// Simulation model of UltraScale+'s RAM of eight LUTs: 32 words of 16 bits, two of them at each of
// eight addresses to read, H's being that to write.
module RAM32M16 (
  input  logic WCLK, WE,
  input  logic [4:0] ADDRA, ADDRB, ADDRC, ADDRD, ADDRE, ADDRF, ADDRG, ADDRH,
  input  logic [1:0] DIA, DIB, DIC, DID, DIE, DIF, DIG, DIH,
  output logic [1:0] DOA, DOB, DOC, DOD, DOE, DOF, DOG, DOH
);
  logic [15:0] memory [32];
  always_ff @(posedge WCLK) begin
    if (WE) memory[ADDRH] <= {DIH, DIG, DIF, DIE, DID, DIC, DIB, DIA};
  end
  assign DOA = memory[ADDRA][1:0];
  assign DOB = memory[ADDRB][3:2];
  assign DOC = memory[ADDRC][5:4];
  assign DOD = memory[ADDRD][7:6];
  assign DOE = memory[ADDRE][9:8];
  assign DOF = memory[ADDRF][11:10];
  assign DOG = memory[ADDRG][13:12];
  assign DOH = memory[ADDRH][15:14];
endmodule
