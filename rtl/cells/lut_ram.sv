// RAMs of 32 words in LUTs, Ports of them: all are written at the same address, each is read at its
// own, without a register.
//
// A RAM32M16 holds 32 words of 14 bits, two of them for each of seven addresses to read; so words
// share its sites two bits at a time, whatever their width.
module lut_ram #(
  parameter int unsigned Ports = 7,
  parameter int unsigned Width = 8  // of a word, even
) (
  input  logic                   clk_i,
  input  logic                   we_i,
  input  logic [4:0]             waddr_i,
  input  logic [Ports*Width-1:0] wdata_i,
  input  logic [Ports*5-1:0]     raddr_i,
  output logic [Ports*Width-1:0] rdata_o
);
  if (Width % 2 != 0) begin : gen_check_width
    $error("Width must be even");
  end

`ifdef ACCLLM_PRIMITIVES
  localparam int unsigned Pairs = Ports * Width / 2;
  localparam int unsigned Rams = (Pairs + 6) / 7;
  logic [Rams*14-1:0] wdata, rdata;
  logic [Rams*35-1:0] raddr;
  assign rdata_o = rdata[Ports*Width-1:0];
  for (genvar i = 0; i < Rams * 7; i++) begin : gen_pair
    if (i < Pairs) begin : gen_used
      assign wdata[2*i +: 2] = wdata_i[2*i +: 2];
      assign raddr[5*i +: 5] = raddr_i[2*i/Width*5 +: 5];
    end else begin : gen_spare
      logic unused;
      assign unused = ^rdata[2*i +: 2];
      assign wdata[2*i +: 2] = '0;
      assign raddr[5*i +: 5] = '0;
    end
  end
  for (genvar i = 0; i < Rams; i++) begin : gen_ram
    logic [1:0] unused;
    RAM32M16 u_ram (
      .WCLK(clk_i), .WE(we_i), .ADDRH(waddr_i), .DIH(2'b00), .DOH(unused),
      .ADDRA(raddr[35*i +: 5]), .DIA(wdata[14*i +: 2]), .DOA(rdata[14*i +: 2]),
      .ADDRB(raddr[35*i+5 +: 5]), .DIB(wdata[14*i+2 +: 2]), .DOB(rdata[14*i+2 +: 2]),
      .ADDRC(raddr[35*i+10 +: 5]), .DIC(wdata[14*i+4 +: 2]), .DOC(rdata[14*i+4 +: 2]),
      .ADDRD(raddr[35*i+15 +: 5]), .DID(wdata[14*i+6 +: 2]), .DOD(rdata[14*i+6 +: 2]),
      .ADDRE(raddr[35*i+20 +: 5]), .DIE(wdata[14*i+8 +: 2]), .DOE(rdata[14*i+8 +: 2]),
      .ADDRF(raddr[35*i+25 +: 5]), .DIF(wdata[14*i+10 +: 2]), .DOF(rdata[14*i+10 +: 2]),
      .ADDRG(raddr[35*i+30 +: 5]), .DIG(wdata[14*i+12 +: 2]), .DOG(rdata[14*i+12 +: 2])
    );
  end
`else
  for (genvar i = 0; i < Ports; i++) begin : gen_port
    logic [Width-1:0] memory [32];
    always_ff @(posedge clk_i) begin
      if (we_i) memory[waddr_i] <= wdata_i[Width*i +: Width];
    end
    assign rdata_o[Width*i +: Width] = memory[raddr_i[5*i +: 5]];
  end
`endif
endmodule
